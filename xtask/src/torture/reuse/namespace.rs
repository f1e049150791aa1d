//! Which pid comes next.

use std::fs;
use std::process::Child;

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::program::Program;
use crate::waiting::{LONG, within};
use crate::workspace::Workspace;

const LAST: &str = "/proc/sys/kernel/ns_last_pid";

/// Somebody else was faster at times.
const ATTEMPTS: usize = 5;

/// Whether a namespace can be made in which pids can be chosen.
///
/// # Errors
/// It cannot, and why.
pub(super) fn can_be_had(workspace: &Workspace) -> Result<()> {
    let chosen = format!("echo 100 >{LAST}");
    let try_it = Program::new(workspace, "unshare").args("--pid --fork --mount-proc sh -c");
    try_it.arg(chosen).output().map(drop)
}

/// Starts a process that gets this pid; none when it cannot be had.
///
/// # Errors
/// Pids cannot be chosen, or the process cannot be started.
pub(super) fn start_as(pid: i32, start: impl Fn() -> Result<Child>) -> Result<Option<Child>> {
    for _ in 0..ATTEMPTS {
        let before = (pid - 1).to_string();
        fs::write(LAST, before).with_context(|| format!("{LAST} cannot be written"))?;
        let mut child = start()?;
        if child.id().cast_signed() == pid {
            return Ok(Some(child));
        }
        child.kill()?;
        child.wait()?;
    }
    Ok(None)
}

/// Takes the pid back of a process that has ended, or is about to, and whose parent has gone.
///
/// # Errors
/// It is not ours to be waited for.
pub(super) fn reap(pid: i32) -> Result<()> {
    let pid = Pid::from_raw(pid).context("0 is no pid")?;
    // Until its parent has gone, it is not ours.
    let mut result = Err(Errno::CHILD);
    within(LONG, || {
        result = waitpid(Some(pid), WaitOptions::empty()).map(drop);
        result != Err(Errno::CHILD)
    });
    result.with_context(|| format!("{pid} cannot be reaped"))
}

/// Takes back all other processes that have ended and have nobody.
pub(super) fn reap_others() {
    while let Ok(Some(_)) = waitpid(None, WaitOptions::NOHANG) {}
}

//! Processes that outlive the test that started them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Each program that a test starts carries this variable, and what that starts in turn.
pub(crate) const MARK: &str = "E2E_LEDGER";

/// What hostledger tells each program it runs, even one that gets no other variables.
const PROCESS_ID: &str = "HOSTLEDGER_PROCESS";

/// A live process, held so that its pid cannot become another's.
pub(crate) struct Leftover {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Leftover {
    pub(crate) fn kill(&self) {
        // It may just have ended by itself.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    pub(crate) fn describe(&self) -> String {
        let pid = self.pid.as_raw_nonzero();
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        format!("{pid} ({})", arguments.trim_end())
    }
}

/// All live processes that carry the mark, or the id of a process that is recorded.
pub(crate) fn find(mark: &OsStr, ids: &[String]) -> Vec<Leftover> {
    let own = rustix::process::getpid();
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        Pid::from_raw(name.to_str()?.parse().ok()?)
    });
    pids.filter(|pid| *pid != own)
        .filter_map(|pid| {
            // Held first, then looked at: it is one and the same.
            let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
            is_ours(pid, mark, ids).then_some(Leftover { pid, pidfd })
        })
        .collect()
}

fn is_ours(pid: Pid, mark: &OsStr, ids: &[String]) -> bool {
    environment_of(pid.as_raw_nonzero().get())
        .iter()
        .any(|(key, value)| {
            (key == MARK && value == mark)
                || (key == PROCESS_ID && ids.iter().any(|id| value == id.as_str()))
        })
}

/// The environment a live process was started with; nothing when it has ended.
#[must_use]
pub fn environment_of(pid: i32) -> Vec<(OsString, OsString)> {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let variables = environment.split(|byte| *byte == 0);
    variables
        .filter_map(|variable| {
            let at = variable.iter().position(|byte| *byte == b'=')?;
            let (key, value) = variable.split_at(at);
            Some((
                OsStr::from_bytes(key).to_owned(),
                OsString::from_vec(value.get(1..)?.to_vec()),
            ))
        })
        .collect()
}

//! One cgroup v2 directory: who is in it, and ending them (cgroups(7), cgroup-v2.rst).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use hostledger_model::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::identity::is_errno;

/// The processes of a group and of all groups below it, where a nested ledger makes its own.
///
/// A process of another pid namespace is shown as 0 and left out. A group that is gone has none.
pub(crate) fn processes(group: &Path) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    let mut groups = vec![group.to_owned()];
    while let Some(group) = groups.pop() {
        match fs::read_to_string(group.join("cgroup.procs")) {
            Ok(text) => {
                let numbers = text.lines().filter_map(|line| line.parse().ok());
                found.extend(numbers.filter_map(Pid::new));
            }
            // A threaded group: its processes are listed further up.
            Err(error) if is_errno(&error, &[Errno::OPNOTSUPP]) => {}
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(error),
        }
        match subgroups(&group) {
            Ok(below) => groups.extend(below),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The groups directly below a group.
pub(crate) fn subgroups(group: &Path) -> io::Result<Vec<PathBuf>> {
    let mut groups = Vec::new();
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            groups.push(entry.path());
        }
    }
    Ok(groups)
}

/// Sends SIGKILL to everybody in the group and below, also to who is being forked meanwhile.
/// False where the kernel has no such file (before 5.14), or the group is gone.
pub(crate) fn kill(group: &Path) -> io::Result<bool> {
    write(group, "cgroup.kill", "1")
}

/// Lets nobody in the group run any more, or all again. SIGKILL ends a frozen process.
pub(crate) fn set_frozen(group: &Path, frozen: bool) -> io::Result<bool> {
    write(group, "cgroup.freeze", if frozen { "1" } else { "0" })
}

fn write(group: &Path, file: &str, value: &str) -> io::Result<bool> {
    // Not to be created: a kernel that lacks the file says so.
    let opened = OpenOptions::new().write(true).open(group.join(file));
    match opened.and_then(|mut file| file.write_all(value.as_bytes())) {
        Ok(()) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until nobody is left in the group and below; says whether that came. A zombie is not in
/// it any more.
pub(crate) fn wait_empty(group: &Path, until: Instant) -> io::Result<bool> {
    wait_event(group, "populated 0", until)
}

/// Waits until everybody in the group has come to a halt; says whether that came.
pub(crate) fn wait_frozen(group: &Path, until: Instant) -> io::Result<bool> {
    wait_event(group, "frozen 1", until)
}

/// Waits for a line of `cgroup.events`, which the kernel announces by POLLPRI.
fn wait_event(group: &Path, line: &str, until: Instant) -> io::Result<bool> {
    let mut file = match File::open(group.join("cgroup.events")) {
        Ok(file) => file,
        Err(error) if is_gone(&error) => return Ok(true),
        Err(error) => return Err(error),
    };
    loop {
        let mut text = String::new();
        // Newer kernels say that the group is gone to whoever seeks in its file.
        match file.rewind().and_then(|()| file.read_to_string(&mut text)) {
            Ok(_) if text.lines().any(|found| found == line) => return Ok(true),
            Ok(_) => {}
            Err(error) if is_gone(&error) => return Ok(true),
            Err(error) => return Err(error),
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let mut fds = [PollFd::new(&file, PollFlags::PRI)];
        match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Removed meanwhile: the file, or the group behind a file that is open.
fn is_gone(error: &io::Error) -> bool {
    is_errno(error, &[Errno::NOENT, Errno::NODEV])
}

//! Who becomes the parent of processes whose parent has gone (prctl(2)).

use std::io;

use rustix::process::Pid;

/// Makes this process the one to whom its descendants' orphans come, instead of pid 1.
///
/// It then has to reap them. For the whole process and for good; not handed down.
///
/// # Errors
/// None that prctl(2) knows for `PR_SET_CHILD_SUBREAPER`.
pub fn set_child_subreaper() -> io::Result<()> {
    // Any number but 0 switches it on.
    Ok(rustix::process::set_child_subreaper(Some(Pid::INIT))?)
}

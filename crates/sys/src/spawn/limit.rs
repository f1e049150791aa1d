//! Resource limits in the kernel's own form (prlimit(2)).

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit};

use crate::ambient::own_limits;
use crate::syscall::syscall;

/// A resource and its limits, laid out as [`prlimit`] and a launch block take it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) resource: u64,
    /// `struct rlimit64`; `u64::MAX` is no limit.
    pub(crate) soft_and_hard: [u64; 2],
}

impl Limit {
    pub(super) fn new((resource, limit): &(Resource, Rlimit)) -> Self {
        let raw = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
        Self {
            resource: *resource as u64,
            soft_and_hard: [raw(limit.current), raw(limit.maximum)],
        }
    }
}

/// All limits of this process, as its children inherit them; nothing is allocated.
#[derive(Debug, Clone, Copy)]
pub struct InheritedLimits(pub(super) [Limit; LIMITS]);

/// As many as there are (getrlimit(2)).
pub(super) const LIMITS: usize = 16;

impl InheritedLimits {
    /// Those of this moment: from here on they are not to be changed.
    #[must_use]
    pub fn read() -> Self {
        Self(own_limits().map(|limit| Limit::new(&limit)))
    }
}

/// Sets one of ours.
pub(super) fn set_own(limit: &Limit) -> Result<(), Errno> {
    let new = limit.soft_and_hard.as_ptr().expose_provenance();
    let arguments = [0, limit.resource as usize, new, 0];
    // SAFETY: reads one `struct rlimit64`, which two words are.
    unsafe { syscall(libc::SYS_prlimit64, arguments) }.map(drop)
}

/// The soft `RLIMIT_LOCKS` of a process: the kernel ignores this limit and hands it down, so
/// that it can mark what descends from somebody.
///
/// # Errors
/// `ESRCH` when nobody has this pid, `EPERM` when it runs as somebody else.
pub fn limit_locks_of(pid: Pid) -> Result<u64, Errno> {
    let mut soft_and_hard = [0u64; 2];
    let old = soft_and_hard.as_mut_ptr().expose_provenance();
    let pid = pid.as_raw_pid().unsigned_abs() as usize;
    let arguments = [pid, Resource::Locks as usize, 0, old];
    // SAFETY: writes one `struct rlimit64`, which two words are.
    unsafe { syscall(libc::SYS_prlimit64, arguments) }?;
    Ok(soft_and_hard[0])
}

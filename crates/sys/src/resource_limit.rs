//! Resource limits of other processes (prlimit(2)); rustix reads our own only.

use std::io;

use rustix::process::{Pid, Resource};

use crate::wait::last_errno;

/// The soft limit of the process that has this number now; `None` when it is unlimited.
///
/// The number may change hands at any time: hold the process by a pidfd, and ask afterwards
/// whether it was unreaped.
///
/// # Errors
/// `ESRCH` when nobody has the number, `EPERM` when the process is another user's.
pub fn soft_limit(pid: Pid, resource: Resource) -> io::Result<Option<u64>> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: no new limit is given, so the kernel only writes to `limit`, which outlives the call.
    let read = unsafe {
        libc::prlimit(
            pid.as_raw_pid(),
            resource as _,
            std::ptr::null(),
            &raw mut limit,
        )
    };
    if read != 0 {
        return Err(last_errno().into());
    }
    Ok((limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_limit_is_what_rustix_reads() {
        let own = rustix::process::getpid();
        let expected = rustix::process::getrlimit(Resource::Nofile).current;
        assert_eq!(soft_limit(own, Resource::Nofile).unwrap(), expected);
    }

    #[test]
    fn nobody_has_no_limit() {
        let nobody = Pid::from_raw(i32::MAX).unwrap();
        let error = soft_limit(nobody, Resource::Locks).unwrap_err();
        assert_eq!(
            error.raw_os_error(),
            Some(rustix::io::Errno::SRCH.raw_os_error())
        );
    }
}

//! Waiting for children by pidfd, with their resource use (waitid(2)).
//!
//! rustix's `waitid` has no rusage, which only the system call itself gives.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;

use crate::Signal;

/// How a process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndStatus {
    /// It called exit with this code.
    Exited(u8),
    /// This signal ended it.
    Signaled(Signal),
}

impl EndStatus {
    /// What a status as wait(2) encodes it says; `None` for one of a process that has not ended.
    #[must_use]
    pub fn of_wait_status(status: i32) -> Option<Self> {
        if libc::WIFEXITED(status) {
            u8::try_from(libc::WEXITSTATUS(status))
                .ok()
                .map(Self::Exited)
        } else if libc::WIFSIGNALED(status) {
            Signal::new(libc::WTERMSIG(status)).map(Self::Signaled)
        } else {
            None
        }
    }
}

/// An end, with what the process and the children it waited for used.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Code or signal.
    pub status: EndStatus,
    /// As getrusage(2) has it.
    pub usage: libc::rusage,
}

/// What [`wait_ended_or_stopped`] saw.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// It ended; the zombie is still there.
    Ended(Ended),
    /// It was stopped by this signal.
    Stopped(Signal),
}

/// The end of a child if it has ended, without blocking; the zombie stays (`WNOWAIT`).
///
/// So the end can be written down first, and a crash in between only repeats the reading.
///
/// # Errors
/// `ECHILD` when it is no unreaped child of this process.
pub fn peek_ended(child: impl AsFd) -> io::Result<Option<Ended>> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    Ok(waitid(child.as_fd(), options)?.and_then(RawChange::ended))
}

/// Reaps a child that has ended, without blocking: its pid may be used again from here on.
///
/// `None` when it has not ended.
///
/// # Errors
/// `ECHILD` when it is no unreaped child of this process.
pub fn reap(child: impl AsFd) -> io::Result<Option<Ended>> {
    let options = libc::WEXITED | libc::WNOHANG;
    Ok(waitid(child.as_fd(), options)?.and_then(RawChange::ended))
}

/// Blocks until a child has ended (the zombie stays) or is stopped (told once a stop).
///
/// A child that goes on again before it was seen stopped is not reported.
///
/// # Errors
/// `ECHILD` when it is no unreaped child of this process.
pub fn wait_ended_or_stopped(child: impl AsFd) -> io::Result<Change> {
    let child = child.as_fd();
    loop {
        // Looking first leaves the zombie; a stop then has to be taken, or it would be seen for ever.
        let options = libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT;
        let Some(seen) = waitid(child, options)? else {
            continue;
        };
        if let Some(ended) = seen.ended() {
            return Ok(Change::Ended(ended));
        }
        let taken = waitid(child, libc::WSTOPPED | libc::WNOHANG)?;
        if let Some(signal) = taken.and_then(RawChange::stopped) {
            return Ok(Change::Stopped(signal));
        }
    }
}

/// Whether a child is still in the stop that [`wait_ended_or_stopped`] told last: it has not
/// been continued since, not stopped anew, and not ended.
///
/// # Errors
/// `ECHILD` when it is no unreaped child of this process.
pub fn is_still_stopped(child: impl AsFd) -> io::Result<bool> {
    let options = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED;
    let news = waitid(child.as_fd(), options | libc::WNOHANG | libc::WNOWAIT)?;
    Ok(news.is_none())
}

/// Waits for and reaps a child that is known to be ending, whatever signal it was to send.
pub(crate) fn reap_ending(child: BorrowedFd<'_>) {
    // Nothing to do about an error: ECHILD says that somebody else, or the kernel, reaped it.
    let reaped = waitid(child, libc::WEXITED | libc::__WALL);
    debug_assert!(reaped.is_ok() || reaped.is_err_and(|errno| errno == Errno::CHILD));
}

/// What happened to the last call of the C library in this thread.
pub(crate) fn last_errno() -> Errno {
    let error = io::Error::last_os_error();
    // A call that said it failed has set errno; 0 would be a broken C library.
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

#[derive(Clone, Copy)]
struct RawChange {
    code: i32,
    status: i32,
    usage: libc::rusage,
}

impl RawChange {
    fn ended(self) -> Option<Ended> {
        let status = match self.code {
            // waitid(2) gives the low eight bits of what was passed to exit.
            libc::CLD_EXITED => EndStatus::Exited(u8::try_from(self.status).ok()?),
            libc::CLD_KILLED | libc::CLD_DUMPED => EndStatus::Signaled(Signal::new(self.status)?),
            _ => return None,
        };
        Some(Ended {
            status,
            usage: self.usage,
        })
    }

    fn stopped(self) -> Option<Signal> {
        match self.code {
            libc::CLD_STOPPED => Signal::new(self.status),
            _ => None,
        }
    }
}

fn waitid(child: BorrowedFd<'_>, options: libc::c_int) -> Result<Option<RawChange>, Errno> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: the pointers are to memory of the types waitid(2) names, alive during the call.
        let done = unsafe {
            libc::syscall(
                libc::SYS_waitid,
                libc::P_PIDFD,
                child.as_raw_fd(),
                info.as_mut_ptr(),
                options,
                usage.as_mut_ptr(),
            )
        };
        if done == 0 {
            break;
        }
        let errno = last_errno();
        if errno != Errno::INTR {
            return Err(errno);
        }
    }
    // SAFETY: all zeroes is a valid siginfo_t, and the kernel only writes valid ones.
    let info = unsafe { info.assume_init() };
    // SAFETY: all zeroes is a valid rusage, and the kernel only writes valid ones.
    let usage = unsafe { usage.assume_init() };
    // SAFETY: waitid fills the fields of SIGCHLD, or leaves the zeroes with WNOHANG.
    if unsafe { info.si_pid() } == 0 {
        return Ok(None);
    }
    Ok(Some(RawChange {
        code: info.si_code,
        // SAFETY: as for si_pid.
        status: unsafe { info.si_status() },
        usage,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_statuses_are_read_as_code_or_signal() {
        assert_eq!(EndStatus::of_wait_status(0), Some(EndStatus::Exited(0)));
        assert_eq!(
            EndStatus::of_wait_status(42 << 8),
            Some(EndStatus::Exited(42))
        );
        assert_eq!(
            EndStatus::of_wait_status(9),
            Some(EndStatus::Signaled(Signal::KILL))
        );
        // With a core dump.
        assert_eq!(
            EndStatus::of_wait_status(11 | 0x80),
            Some(EndStatus::Signaled(Signal::SEGV))
        );
        // Stopped.
        assert_eq!(EndStatus::of_wait_status(0x137f), None);
    }
}

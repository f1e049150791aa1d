//! Waiting for whichever child has ended, without allocation (waitid(2)).

use rustix::io::Errno;
use rustix::process::Pid;

use crate::syscall::syscall;

/// An end as the kernel's wait status has it, with what was used: proof that this child of ours
/// runs no more, as only the kernel's account makes one.
#[derive(Debug, Clone, Copy)]
pub struct AnyEnded {
    pid: Pid,
    /// As wait(2) encodes it ([`EndStatus::of_wait_status`](crate::EndStatus::of_wait_status)).
    pub wait_status: i32,
    /// As getrusage(2) has it.
    pub usage: libc::rusage,
}

impl AnyEnded {
    /// Whose.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }
}

/// A child that has ended, without blocking; the zombie stays. `None` when none has.
///
/// # Errors
/// `ECHILD` when there is no child at all.
pub fn peek_any_ended() -> Result<Option<AnyEnded>, Errno> {
    waitid(libc::P_ALL, 0, libc::WNOWAIT)
}

/// The end of this child, if it has ended, without blocking; the zombie stays.
///
/// # Errors
/// `ECHILD` when it is no unreaped child.
pub fn peek_pid(pid: Pid) -> Result<Option<AnyEnded>, Errno> {
    waitid(libc::P_PID, number(pid), libc::WNOWAIT)
}

/// Reaps this child, which has ended: its pid may be used again from here on.
///
/// # Errors
/// `ECHILD` when it is no unreaped child.
pub fn reap_pid(pid: Pid) -> Result<Option<AnyEnded>, Errno> {
    waitid(libc::P_PID, number(pid), 0)
}

fn number(pid: Pid) -> usize {
    pid.as_raw_pid().unsigned_abs() as usize
}

fn waitid(kind: libc::idtype_t, id: usize, option: libc::c_int) -> Result<Option<AnyEnded>, Errno> {
    // SAFETY: all zeroes is a valid siginfo_t.
    let mut info = unsafe { std::mem::zeroed::<libc::siginfo_t>() };
    // SAFETY: all zeroes is a valid rusage.
    let mut usage = unsafe { std::mem::zeroed::<libc::rusage>() };
    let arguments = [
        kind as usize,
        id,
        (&raw mut info).expose_provenance(),
        (libc::WEXITED | libc::WNOHANG | libc::__WALL | option) as usize,
        (&raw mut usage).expose_provenance(),
    ];
    // SAFETY: the pointers are to memory of the types waitid(2) names, alive during the call.
    unsafe { syscall(libc::SYS_waitid, arguments) }?;
    // SAFETY: waitid fills the fields of SIGCHLD, or leaves the zeroes with WNOHANG.
    let Some(pid) = Pid::from_raw(unsafe { info.si_pid() }) else {
        return Ok(None);
    };
    // SAFETY: as for si_pid.
    let status = unsafe { info.si_status() };
    let wait_status = match info.si_code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    };
    Ok(Some(AnyEnded {
        pid,
        wait_status,
        usage,
    }))
}

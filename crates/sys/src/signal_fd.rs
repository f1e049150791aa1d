//! Signals as data (signalfd(2)).

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use rustix::io::Errno;

use crate::Signal;
use crate::syscall::syscall;

/// A descriptor that becomes readable when this signal, which has to be blocked, is pending.
/// Closed on exec; reading does not block.
///
/// # Errors
/// When descriptors run out.
pub fn signal_fd(signal: Signal) -> Result<OwnedFd, Errno> {
    let set = 1u64 << (signal.number() - 1);
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    let arguments = [
        usize::MAX,
        (&raw const set).expose_provenance(),
        size_of::<u64>(),
        flags as usize,
    ];
    // SAFETY: reads a set of the size given.
    let fd = unsafe { syscall(libc::SYS_signalfd4, arguments) }?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::BADF)?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

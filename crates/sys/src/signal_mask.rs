//! Keeping every signal away from a thread for a moment.

use rustix::io::Errno;

use crate::syscall::syscall;

/// The kernel's signal set: one bit for each of 64 signals on x86_64 and aarch64.
type KernelSet = u64;

/// While this lives, no signal is delivered to the thread that made it.
///
/// A child cloned meanwhile shares our memory: a handler of ours that ran in it would work on
/// the program's own state. The C library's wrappers leave out the two signals it keeps for
/// itself, so the system call is made directly.
#[derive(Debug)]
pub(crate) struct AllSignalsBlocked {
    previous: KernelSet,
    /// Masks belong to a thread, so the restoring has to happen on the same one.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl AllSignalsBlocked {
    pub(crate) fn begin() -> Result<Self, Errno> {
        Ok(Self {
            previous: set(KernelSet::MAX)?,
            _not_send: std::marker::PhantomData,
        })
    }
}

impl Drop for AllSignalsBlocked {
    fn drop(&mut self) {
        // Setting a mask from our own memory has no way to fail (sigprocmask(2): EFAULT, EINVAL).
        let restored = set(self.previous);
        debug_assert!(restored.is_ok());
    }
}

/// Lets every signal through again: the last step of a child before its program.
///
/// A system call and nothing else.
pub(crate) fn clear() -> Result<(), Errno> {
    set(0).map(drop)
}

/// Keeps every signal away for good, in a program that takes them as data (signalfd(2)).
///
/// # Errors
/// None that sigprocmask(2) knows for this.
pub fn block_all_signals() -> Result<(), Errno> {
    set(KernelSet::MAX).map(drop)
}

fn set(mask: KernelSet) -> Result<KernelSet, Errno> {
    let mut previous: KernelSet = 0;
    let arguments = [
        libc::SIG_SETMASK as usize,
        (&raw const mask).expose_provenance(),
        (&raw mut previous).expose_provenance(),
        size_of::<KernelSet>(),
    ];
    // SAFETY: both pointers are to sets of the size given, alive during the call.
    unsafe { syscall(libc::SYS_rt_sigprocmask, arguments) }?;
    Ok(previous)
}

//! Keeping every signal away from a thread for a moment.

use rustix::io::Errno;

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
/// Async-signal-safe.
pub(crate) fn clear() -> Result<(), Errno> {
    set(0).map(drop)
}

fn set(mask: KernelSet) -> Result<KernelSet, Errno> {
    let mut previous: KernelSet = 0;
    // SAFETY: both pointers are to sets of the size given, alive during the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut previous,
            size_of::<KernelSet>(),
        )
    };
    if done == 0 {
        Ok(previous)
    } else {
        Err(crate::wait::last_errno())
    }
}

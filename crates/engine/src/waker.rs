//! Wakes the event loop from another thread.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

/// A flag to raise, whose file descriptor is readable while it is up (eventfd(2)).
#[derive(Debug)]
pub(crate) struct Waker {
    flag: OwnedFd,
    /// Whether it is up already, so that the kernel need not be told again.
    is_up: AtomicBool,
}

impl Waker {
    pub(crate) fn new() -> std::io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            flag: eventfd(0, flags)?,
            is_up: AtomicBool::new(false),
        })
    }

    /// Raises the flag.
    pub(crate) fn wake(&self) {
        if self.is_up.swap(true, Ordering::SeqCst) {
            return;
        }
        // EAGAIN means that it was raised 2^64 - 2 times already: it is up.
        if let Err(error) = write(&self.flag, &1u64.to_ne_bytes())
            && error != Errno::AGAIN
        {
            tracing::error!(%error, "failed to wake the event loop");
        }
    }

    /// Takes the flag down, when its descriptor is readable: what was sent before it was raised is
    /// there afterwards.
    pub(crate) fn clear(&self) {
        // EAGAIN means that it was down.
        if let Err(error) = read(&self.flag, &mut [0; 8])
            && error != Errno::AGAIN
        {
            tracing::error!(%error, "failed to clear the wake-up of the event loop");
        }
        // Only now: who finds it up until then relies on our looking once more, which we do.
        self.is_up.store(false, Ordering::SeqCst);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.flag.as_fd()
    }
}

//! Wakes the event loop from another thread.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

/// A flag to raise, whose file descriptor is readable while it is up (eventfd(2)).
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self(eventfd(
            0,
            EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
        )?))
    }

    /// Raises the flag.
    pub(crate) fn wake(&self) {
        // EAGAIN means that it was raised 2^64 - 2 times already: it is up.
        if let Err(error) = write(&self.0, &1u64.to_ne_bytes())
            && error != Errno::AGAIN
        {
            tracing::error!(%error, "failed to wake the event loop");
        }
    }

    /// Takes the flag down.
    pub(crate) fn clear(&self) {
        // EAGAIN means that it was down.
        if let Err(error) = read(&self.0, &mut [0; 8])
            && error != Errno::AGAIN
        {
            tracing::error!(%error, "failed to clear the wake-up of the event loop");
        }
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

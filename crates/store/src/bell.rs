//! Tells listeners in this program that something may be due.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

/// A flag whose descriptor is readable while it is up (eventfd(2)).
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    fn new() -> io::Result<Self> {
        Ok(Self(eventfd(
            0,
            EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
        )?))
    }

    fn ring(&self) {
        // EAGAIN means that it has rung 2^64 - 2 times: it is heard.
        if let Err(error) = write(&self.0, &1u64.to_ne_bytes())
            && error != Errno::AGAIN
        {
            tracing::error!(%error, "who waits for something to become due was not told");
        }
    }

    /// Whether it has rung since the last time.
    pub(crate) fn has_rung(&self) -> bool {
        read(&self.0, &mut [0; 8]).is_ok()
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The bells of all who listen.
#[derive(Debug, Default)]
pub(crate) struct Bells(Mutex<Vec<Weak<Bell>>>);

impl Bells {
    /// A new one, which rings with the others until it is dropped.
    pub(crate) fn hang(&self) -> io::Result<Arc<Bell>> {
        let bell = Arc::new(Bell::new()?);
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.push(Arc::downgrade(&bell));
        Ok(bell)
    }

    pub(crate) fn ring(&self) {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|bell| bell.upgrade().inspect(|bell| bell.ring()).is_some());
    }
}

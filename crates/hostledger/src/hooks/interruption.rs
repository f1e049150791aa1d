//! Ending what an event has started.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::TimeDelta;
use hostledger_process::Signal;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, write};

use crate::Running;

/// How long hooks have to end when they are interrupted.
const GRACE: TimeDelta = TimeDelta::seconds(5);

/// Ends the hooks of an event from another thread; clones end the same ones.
#[derive(Clone, Default)]
pub struct Interruption(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Readable from the interruption on; made for the first who waits.
    bell: OnceLock<OwnedFd>,
}

#[derive(Default)]
struct State {
    signal: Option<Signal>,
    running: Vec<Arc<Running>>,
}

impl Interruption {
    /// Passes a signal to every hook that runs, with all that it started, and has no other start.
    /// What has not ended after 5 s is killed.
    pub fn interrupt(&self, signal: Signal) {
        let mut state = self.state();
        state.signal = Some(signal);
        for running in &state.running {
            running.stop(signal, Some(GRACE));
        }
        if let Some(bell) = self.0.bell.get() {
            ring(bell);
        }
    }

    /// The last signal that was passed on; none when there was none.
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.state().signal
    }

    /// Becomes readable when there is an interruption, for those who wait for something else.
    ///
    /// # Errors
    /// Descriptors have run out.
    pub(crate) fn bell(&self) -> io::Result<BorrowedFd<'_>> {
        // Under the lock: an interruption either sees the bell or is seen here.
        let state = self.state();
        if self.0.bell.get().is_none() {
            let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
            if state.signal.is_some() {
                ring(&bell);
            }
            drop(self.0.bell.set(bell));
        }
        let bell = self.0.bell.get().map(OwnedFd::as_fd);
        bell.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Takes a hook that was just started into those that can be ended.
    pub(crate) fn watch(&self, running: &Arc<Running>) {
        let mut state = self.state();
        if let Some(signal) = state.signal {
            running.stop(signal, Some(GRACE));
        }
        state.running.push(Arc::clone(running));
    }

    /// It has ended.
    pub(crate) fn forget(&self, running: &Arc<Running>) {
        self.state().running.retain(|it| !Arc::ptr_eq(it, running));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ring(bell: &OwnedFd) {
    // EAGAIN: it has rung.
    if let Err(errno) = write(bell, &1u64.to_ne_bytes())
        && errno != Errno::AGAIN
    {
        tracing::error!(%errno, "who waits was not told of an interruption");
    }
}

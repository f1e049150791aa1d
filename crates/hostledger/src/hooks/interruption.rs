//! Ending what an event has started.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use hostledger_process::Signal;

use crate::Running;

/// How long hooks have to end when they are interrupted.
const GRACE: TimeDelta = TimeDelta::seconds(5);

/// Ends the hooks of an event from another thread; clones end the same ones.
#[derive(Clone, Default)]
pub struct Interruption(Arc<Mutex<State>>);

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
    }

    /// The last signal that was passed on; none when there was none.
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.state().signal
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! How far the working off of a queue has come.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a worker has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkCounts {
    /// Processes that run now, or are being started.
    pub running: usize,
    /// Processes that have ended for good with exit code 0.
    pub succeeded: u64,
    /// Processes that have ended for good otherwise.
    pub failed: u64,
    /// Attempts that failed and are followed by another.
    pub retried: u64,
    /// Processes that were running under somebody who died, and are watched here since.
    pub adopted: u64,
    /// Processes that were taken on and given back without having been started.
    pub given_back: u64,
    /// Processes left running at the end.
    pub left: u64,
    /// Processes that somebody else has taken over from us.
    pub taken_over: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// Ends for good that were not told, as there was no room for them in the channel.
    pub untold: u64,
}

impl WorkCounts {
    /// Processes that have ended for good.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.succeeded + self.failed
    }
}

/// Shared by the event loop, which tells, and by those who wait.
#[derive(Debug, Default)]
pub struct WorkWatch {
    state: Mutex<State>,
    changed: Condvar,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    counts: WorkCounts,
    is_over: bool,
    /// How many wait for other counts: who waits for the end is not woken by each.
    curious: usize,
}

impl WorkWatch {
    /// What has been done so far.
    #[must_use]
    pub fn counts(&self) -> WorkCounts {
        self.lock().counts
    }

    /// Waits until the work is over; none when `timeout` has passed before.
    #[must_use]
    pub fn wait(&self, timeout: Option<Duration>) -> Option<WorkCounts> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        while !state.is_over {
            state = match deadline {
                None => self
                    .over
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    let waited = self.over.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Some(state.counts)
    }

    /// Waits until the counts are others than `seen`; none when the work is over.
    #[must_use]
    pub fn wait_changed(&self, seen: &WorkCounts) -> Option<WorkCounts> {
        let mut state = self.lock();
        state.curious += 1;
        while !state.is_over && state.counts == *seen {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.curious -= 1;
        (!state.is_over).then_some(state.counts)
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut WorkCounts)) {
        let mut state = self.lock();
        count(&mut state.counts);
        if state.curious > 0 {
            self.changed.notify_all();
        }
    }

    /// Whether the work is over.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    pub(crate) fn tell_over(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
        self.over.notify_all();
    }

    /// A panic elsewhere leaves the counts whole enough.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

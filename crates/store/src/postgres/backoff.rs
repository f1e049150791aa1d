//! Trying again, less and less often.

use std::thread;
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// The pauses between tries: each twice as long as the one before, up to a second.
pub(super) struct Backoff {
    pause: Duration,
    until: Option<Instant>,
}

impl Default for Backoff {
    /// Without an end.
    fn default() -> Self {
        Self {
            pause: FIRST,
            until: None,
        }
    }
}

impl Backoff {
    /// For this long in all.
    pub(super) fn until(patience: Duration) -> Self {
        Self {
            until: Instant::now().checked_add(patience),
            ..Self::default()
        }
    }

    /// The pause before the next try.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST);
        pause
    }

    /// Waits before the next try; false when there is to be none.
    pub(super) fn wait(&mut self) -> bool {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return false;
        }
        let pause = self.next();
        thread::sleep(left.map_or(pause, |left| left.min(pause)));
        true
    }
}

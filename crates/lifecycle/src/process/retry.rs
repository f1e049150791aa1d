//! When a process that failed is tried again.

use chrono::TimeDelta;
use hostledger_model::{Outcome, Process};

/// How long a process that failed waits until it is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// The longest wait after the first failure; it doubles with each further one.
    pub base: TimeDelta,
    /// No wait is longer than this.
    pub cap: TimeDelta,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            base: TimeDelta::seconds(1),
            cap: TimeDelta::minutes(5),
        }
    }
}

/// Whether an attempt that ended like this is followed by another.
pub(super) fn tries_again(process: &Process, outcome: Outcome, exit_code: Option<i32>) -> bool {
    let failed = match outcome {
        Outcome::Exited => exit_code != Some(0),
        Outcome::Signaled | Outcome::TimedOut => true,
        Outcome::SpawnFailed | Outcome::Lost => process.retry_lost,
        Outcome::Killed | Outcome::Cancelled => false,
    };
    failed && process.attempt < process.max_attempts
}

impl RetryPolicy {
    /// How long to wait after `attempt` (from 1) has failed: exponential, with full jitter.
    ///
    /// `chance` is a random number from 0 to 1; the wait is that share of the longest one.
    #[must_use]
    pub fn backoff(&self, attempt: u32, chance: f64) -> TimeDelta {
        let doublings = attempt.saturating_sub(1).min(62);
        let longest = self
            .base
            .num_microseconds()
            .and_then(|base| base.checked_mul(1 << doublings))
            .map_or(self.cap, |micros| {
                TimeDelta::microseconds(micros).min(self.cap)
            });
        let micros = longest.num_microseconds().unwrap_or(i64::MAX);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "a share of a wait, where a microsecond more or less means nothing"
        )]
        let share = (micros as f64 * chance.clamp(0.0, 1.0)) as i64;
        TimeDelta::microseconds(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_cap() {
        let policy = RetryPolicy::default();
        let longest = |attempt| policy.backoff(attempt, 1.0).num_seconds();
        assert_eq!(
            [1, 2, 3, 9, 10, 60, u32::MAX].map(longest),
            [1, 2, 4, 256, 300, 300, 300]
        );
    }

    #[test]
    fn jitter_spreads_the_wait_over_all_of_it() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.backoff(3, 0.0), TimeDelta::zero());
        assert_eq!(policy.backoff(3, 0.5), TimeDelta::seconds(2));
        assert_eq!(
            policy.backoff(3, 7.0),
            TimeDelta::seconds(4),
            "no chance above one"
        );
    }
}

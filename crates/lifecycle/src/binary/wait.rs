//! When a binary that no provider could install is tried again.

use chrono::TimeDelta;

/// The wait after the first attempt; it doubles with each further one.
const FIRST: TimeDelta = TimeDelta::minutes(5);
/// No wait is longer than this.
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// How long to wait after `attempt` (from 1) has failed.
///
/// Without jitter: what is asked of registries by many hosts at once is spread by when those
/// were asked.
#[must_use]
pub fn wait_after(attempt: u32) -> TimeDelta {
    let doublings = attempt.saturating_sub(1).min(16);
    (FIRST * (1 << doublings)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        let minutes = [0, 1, 2, 3, 4, 5, u32::MAX].map(|it| wait_after(it).num_minutes());
        assert_eq!(minutes, [5, 5, 10, 20, 40, 60, 60]);
    }
}

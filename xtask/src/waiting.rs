//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// Far more than anything here takes, also on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Whether the condition holds before this time has passed.
pub(crate) fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

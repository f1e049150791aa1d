//! What time it is.

use std::time::{Duration, Instant};

use hostledger_model::Timestamp;

/// A clock for the records and one for waiting.
pub trait Clock: Send {
    /// The time as people tell it; may jump.
    fn now(&self) -> Timestamp;

    /// Time passed since some fixed moment; never jumps.
    fn elapsed(&self) -> Duration;
}

/// The clocks of the system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that counts from now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

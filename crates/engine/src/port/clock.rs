//! What time it is.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use hostledger_model::Timestamp;

use crate::clock_steps::ClockSteps;

/// A clock for the records and one for waiting.
pub trait Clock: Send {
    /// The time as people tell it; may jump.
    fn now(&self) -> Timestamp;

    /// Time passed since some fixed moment; never jumps.
    fn elapsed(&self) -> Duration;

    /// Becomes readable when [`now`](Self::now) has jumped, where that is known.
    fn steps(&self) -> Option<BorrowedFd<'_>>;

    /// Takes note of a jump: [`steps`](Self::steps) is quiet until the next.
    fn take_steps(&self);
}

/// The clocks of the system.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    steps: Option<ClockSteps>,
}

impl SystemClock {
    /// A clock that counts from now.
    #[must_use]
    pub fn start() -> Self {
        let steps = ClockSteps::watch();
        if let Err(error) = &steps {
            tracing::warn!(%error, "nobody tells when the clock is set");
        }
        Self {
            start: Instant::now(),
            steps: steps.ok(),
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

    fn steps(&self) -> Option<BorrowedFd<'_>> {
        self.steps.as_ref().map(|steps| steps.as_fd())
    }

    fn take_steps(&self) {
        if let Some(steps) = &self.steps
            && let Err(error) = steps.take()
        {
            tracing::warn!(%error, "nobody tells when the clock is set");
        }
    }
}

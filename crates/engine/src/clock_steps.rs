//! Learning that the clock on the wall was set.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, read};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Becomes readable when the clock on the wall was set, or has gone on while the machine slept.
///
/// Whoever waits for a time of day waits for a span of the clock that never jumps, and has to work
/// that out anew then. It costs nothing while the clock just goes (timerfd_create(2),
/// `TFD_TIMER_CANCEL_ON_SET`).
#[derive(Debug)]
pub struct ClockSteps(OwnedFd);

impl ClockSteps {
    /// Watches from now on.
    ///
    /// # Errors
    /// Descriptors have run out.
    pub fn watch() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let steps = Self(timerfd_create(TimerfdClockId::Realtime, flags)?);
        steps.arm()?;
        Ok(steps)
    }

    /// Takes note of what it has told: it is quiet until the next time.
    ///
    /// # Errors
    /// It cannot be watched any more.
    pub fn take(&self) -> io::Result<()> {
        match read(&self.0, &mut [0; 8]) {
            // Nothing was told.
            Err(Errno::AGAIN) => Ok(()),
            // That is how a step is told.
            Ok(_) | Err(Errno::CANCELED) => self.arm(),
            Err(errno) => Err(errno.into()),
        }
    }

    /// For a time that never comes.
    fn arm(&self) -> io::Result<()> {
        let never = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec {
                // The kernel's own limit for this clock is 2^63 nanoseconds.
                tv_sec: i64::MAX / 1_000_000_000 - 1,
                tv_nsec: 0,
            },
        };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        match timerfd_settime(&self.0, flags, &never) {
            // It was set in this very moment, and is armed all the same.
            Ok(_) | Err(Errno::CANCELED) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for ClockSteps {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::time::{ClockId, clock_gettime, clock_settime};

    use super::*;

    fn is_readable(steps: &ClockSteps) -> bool {
        let now = Timespec::default();
        poll(&mut [PollFd::new(steps, PollFlags::IN)], Some(&now)).unwrap() > 0
    }

    #[test]
    fn a_clock_that_just_goes_tells_nothing_and_one_that_is_set_does_until_it_is_taken() {
        let steps = ClockSteps::watch().unwrap();
        assert!(!is_readable(&steps));
        steps.take().unwrap();
        assert!(!is_readable(&steps));
        // To what it is: a step nobody notices but those who watch.
        match clock_settime(ClockId::Realtime, clock_gettime(ClockId::Realtime)) {
            Ok(()) => {}
            Err(errno) => {
                println!("SKIPPED: the clock cannot be set: {errno}");
                return;
            }
        }
        assert!(is_readable(&steps));
        steps.take().unwrap();
        assert!(!is_readable(&steps), "it is quiet again");
    }
}

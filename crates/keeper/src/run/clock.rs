//! Times as the table has them.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// `CLOCK_MONOTONIC` in ns; stands still while the machine sleeps.
pub(crate) fn now() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// `CLOCK_BOOTTIME` in ns; goes on while the machine sleeps.
pub(crate) fn since_boot() -> u64 {
    nanos(clock_gettime(ClockId::Boottime))
}

/// Unix time in µs.
pub(super) fn unix_micros() -> u64 {
    nanos(clock_gettime(ClockId::Realtime)) / 1000
}

/// How long until then, for poll(2); nothing when it is over.
pub(super) fn until(then: u64, now: u64) -> Timespec {
    let left = then.saturating_sub(now);
    Timespec {
        tv_sec: (left / SECOND).cast_signed(),
        tv_nsec: (left % SECOND).cast_signed(),
    }
}

pub(super) const MILLISECOND: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;

fn nanos(time: Timespec) -> u64 {
    // Neither part is negative, before 1970 aside.
    let seconds = time.tv_sec.unsigned_abs().saturating_mul(SECOND);
    seconds.saturating_add(time.tv_nsec.unsigned_abs())
}

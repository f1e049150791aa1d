//! When a process started, on the clock on the wall.

use hostledger_model::{StartTicks, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The time at which a process with these start ticks started, to 10 ms.
///
/// It is counted back from now by how long the process has been there. The boot time in
/// `/proc/stat`, to which one could add instead, is cut to whole seconds. Ticks that lie ahead
/// of now give now.
#[must_use]
pub fn start_time(ticks: StartTicks) -> Timestamp {
    const MICROS: u128 = 1_000_000;
    let now = Timestamp::now();
    let uptime = clock_gettime(ClockId::Boottime);
    // Neither part of this clock is negative.
    let uptime = u128::from(uptime.tv_sec.unsigned_abs()) * MICROS
        + u128::from(uptime.tv_nsec.unsigned_abs()) / 1000;
    let started = u128::from(ticks.0) * MICROS / u128::from(procfs::ticks_per_second().max(1));
    let age = i64::try_from(uptime.saturating_sub(started)).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(now.unix_micros().saturating_sub(age)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ticks_is_the_boot_time_of_the_kernel() {
        let booted = start_time(StartTicks(0)).unix_micros() / 1_000_000;
        let kernel = i64::try_from(procfs::boot_time_secs().unwrap()).unwrap();
        assert!((booted - kernel).abs() <= 1, "{booted} {kernel}");
    }

    #[test]
    fn ticks_ahead_of_now_give_now() {
        let before = Timestamp::now();
        let started = start_time(StartTicks(u64::MAX));
        assert!(before <= started && started <= Timestamp::now());
    }
}

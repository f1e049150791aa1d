//! When a process started, in clock ticks since boot, as `/proc/<pid>/stat` says it.
//!
//! The kernel takes the time of a start by its `CLOCK_BOOTTIME` and shows it in ticks of mostly
//! 10 ms (`start_boottime`, Linux 5.5). Who looks at that clock before the child is made and after
//! its birth, both within one tick, knows the tick without asking for it: to read the file takes
//! longer than anything else a child does before its program.

use rustix::time::{ClockId, clock_gettime};

/// How far from the edges of a tick both have to be, in ns: far more than two ways to read one clock
/// differ by.
const MARGIN: u64 = 50_000;

const SECOND: u64 = 1_000_000_000;

/// When a child was not there yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// In ns since boot.
    at: u64,
    /// How long a tick is, in ns; 0 when ticks are no whole number of ns.
    tick: u64,
}

impl Before {
    pub(super) fn now() -> Self {
        let per_second = rustix::param::clock_ticks_per_second();
        let is_whole = SECOND.checked_rem(per_second) == Some(0);
        Self {
            at: since_boot(),
            tick: if is_whole { SECOND / per_second } else { 0 },
        }
    }

    /// The tick of everything between that and `after`, in ns since boot, if it is one.
    pub(super) fn tick_until(self, after: u64) -> Option<u64> {
        let first = self.at.checked_sub(MARGIN)?.checked_div(self.tick)?;
        let last = after.checked_add(MARGIN)?.checked_div(self.tick)?;
        (first == last).then_some(first)
    }
}

/// `CLOCK_BOOTTIME` in ns.
pub(super) fn since_boot() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.unsigned_abs() * SECOND + time.tv_nsec.unsigned_abs()
}

/// Field 22 of `/proc/<pid>/stat` (proc_pid_stat(5)); the name before may hold anything.
pub(super) fn start_tick(stat: &[u8]) -> Option<u64> {
    let end_of_name = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat.get(end_of_name + 2..)?.split(|byte| *byte == b' ');
    let ticks = fields.nth(19)?;
    ticks.iter().try_fold(0u64, |ticks, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        ticks.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_known_when_all_lies_well_within_it() {
        let tick = 10_000_000;
        let before = |at| Before { at, tick };
        let known = |at, after| before(at).tick_until(after);
        assert_eq!(known(70_100_000, 70_200_000), Some(7));
        assert_eq!(known(70_050_000, 79_949_999), Some(7));
        assert_eq!(known(70_049_999, 70_200_000), None, "too near the edge");
        assert_eq!(known(79_900_000, 79_950_000), None, "too near the edge");
        assert_eq!(known(79_900_000, 80_100_000), None);
        assert_eq!(known(70_100_000, 90_100_000), None);
        assert_eq!(known(10, 20), None, "hardly booted");
        let unknown = Before {
            tick: 0,
            ..before(70_100_000)
        };
        assert_eq!(unknown.tick_until(70_200_000), None);
    }

    #[test]
    fn the_tick_is_read_behind_a_name_that_holds_anything() {
        let numbers: Vec<_> = (3..=52).map(|number: u32| number.to_string()).collect();
        let stat = format!("1 (a) b) {}", numbers.join(" "));
        assert_eq!(start_tick(stat.as_bytes()), Some(22));
        assert_eq!(start_tick(b"1 (a"), None);
        assert_eq!(start_tick(b""), None);
    }
}

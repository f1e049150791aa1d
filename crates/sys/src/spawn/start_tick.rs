//! When a process started, in clock ticks since boot, as `/proc/<pid>/stat` says it.
//!
//! The kernel takes the time of a start by its `CLOCK_BOOTTIME` and shows it in ticks of mostly
//! 10 ms (`start_boottime`, Linux 5.5). Who looks at that clock before the child is made and after
//! its birth, both within one tick, knows the tick without asking for it: to read the file takes
//! longer than anything else a child does before its program. That it is so here as well is seen
//! first: what passes for Linux need not take both from one clock.

use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::child::{STAT_SIZE, read_stat};

/// How far from the edges of a tick both have to be, in ns: far more than two ways to read one clock
/// differ by.
const MARGIN: u64 = 50_000;

const SECOND: u64 = 1_000_000_000;

/// How often in a row clock and kernel have agreed; [`NEVER`] when they once did not. Children
/// write it into their parent's memory.
static AGREED: AtomicU32 = AtomicU32::new(0);

/// So often, and the clock is trusted.
const ENOUGH: u32 = 8;
const NEVER: u32 = u32::MAX;

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

/// The tick in which the calling process has started, between these two times.
pub(super) fn own_start_tick(before: Before, after: u64) -> Result<u64, Errno> {
    let known = before.tick_until(after);
    if let Some(tick) = known
        && is_trusted(AGREED.load(Ordering::Relaxed))
    {
        return Ok(tick);
    }
    let mut stat = [0; STAT_SIZE];
    let length = read_stat(&mut stat)?;
    let read = start_tick(stat.get(..length).unwrap_or_default()).ok_or(Errno::IO)?;
    if let Some(known) = known {
        let look = |agreed| Some(after_look(agreed, known == read));
        // Some, so that it cannot fail; nobody asks for what was there before.
        let _before = AGREED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, look);
    }
    Ok(read)
}

fn is_trusted(agreed: u32) -> bool {
    (ENOUGH..NEVER).contains(&agreed)
}

fn after_look(agreed: u32, agrees: bool) -> u32 {
    match (agreed, agrees) {
        (NEVER, _) | (_, false) => NEVER,
        (_, true) => (agreed + 1).min(ENOUGH),
    }
}

/// `CLOCK_BOOTTIME` in ns.
pub(super) fn since_boot() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.unsigned_abs() * SECOND + time.tv_nsec.unsigned_abs()
}

/// Field 22 of `/proc/<pid>/stat` (proc_pid_stat(5)); the name before may hold anything.
fn start_tick(stat: &[u8]) -> Option<u64> {
    let end_of_name = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat.get(end_of_name + 2..)?.split(|byte| *byte == b' ');
    str::from_utf8(fields.nth(19)?).ok()?.parse().ok()
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
    fn the_clock_is_trusted_when_it_has_always_agreed() {
        let look = |looks: &[bool]| looks.iter().fold(0, |agreed, it| after_look(agreed, *it));
        assert!(!is_trusted(0));
        assert!(!is_trusted(look(&[true; 7])));
        assert!(is_trusted(look(&[true; 8])));
        assert!(is_trusted(look(&[true; 100])));
        let once = [&[true; 100][..], &[false], &[true; 100]].concat();
        assert!(!is_trusted(look(&once)));
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

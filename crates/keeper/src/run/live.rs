//! Which of our children stands in which slot.

use std::io;
use std::sync::atomic::Ordering;

use hostledger_sys::SharedWords;
use rustix::process::Pid;

use crate::table::layout::MOST_SLOTS;

/// Pairs of pid and slot, side by side: looking through a thousand takes a microsecond.
#[derive(Debug)]
pub(super) struct Live {
    pairs: SharedWords,
    count: usize,
}

impl Live {
    pub(super) fn new() -> io::Result<Self> {
        let pairs = SharedWords::private(MOST_SLOTS)?;
        Ok(Self { pairs, count: 0 })
    }

    pub(super) fn add(&mut self, pid: Pid, slot: usize) {
        if let Some([pair]) = self.pairs.get(self.count, 1) {
            let pid = u64::from(pid.as_raw_pid().unsigned_abs());
            pair.store(pid << 32 | slot as u64, Ordering::Relaxed);
            self.count += 1;
        }
    }

    /// Takes a child out; `None` when it stands in no slot.
    pub(super) fn take(&mut self, pid: Pid) -> Option<usize> {
        let pairs = self.pairs.get(0, self.count)?;
        let pid = u64::from(pid.as_raw_pid().unsigned_abs());
        let place = pairs
            .iter()
            .find(|pair| pair.load(Ordering::Relaxed) >> 32 == pid)?;
        let slot = slot_of(place.load(Ordering::Relaxed));
        let last = pairs.last()?.load(Ordering::Relaxed);
        place.store(last, Ordering::Relaxed);
        self.count -= 1;
        Some(slot)
    }
}

fn slot_of(pair: u64) -> usize {
    (pair & u64::from(u32::MAX)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_found_by_its_pid_once() {
        let pid = |number| Pid::from_raw(number).unwrap();
        let mut live = Live::new().unwrap();
        for number in 1..=1000 {
            live.add(pid(number), 5000 - number as usize);
        }
        for number in (1..=1000).step_by(2).chain((2..=1000).step_by(2)) {
            assert_eq!(live.take(pid(number)), Some(5000 - number as usize));
            assert_eq!(live.take(pid(number)), None);
        }
        assert_eq!(live.count, 0);
    }
}

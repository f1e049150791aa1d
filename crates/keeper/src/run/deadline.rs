//! Timeouts, when nobody else is left to see to them.

use hostledger_sys::Signal;

use super::{Run, clock};
use crate::table::entry::State;
use crate::table::layout::{Field, SlotWords};

/// Pause before what a kill has not reached is looked for again.
const AGAIN: u64 = 20 * clock::MILLISECOND;

impl Run {
    /// Carries out what is due; the time of what is due next.
    ///
    /// Only once the launcher is gone: before, stopping is its affair.
    pub(super) fn enforce(&mut self) -> Option<u64> {
        let mut next: Option<u64> = None;
        for slot in 0..self.map.capacity() {
            let Some(words) = self.map.slot(slot) else {
                break;
            };
            if let Some(due) = self.enforce_slot(slot, words) {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        next
    }

    fn enforce_slot(&mut self, slot: usize, words: SlotWords<'_>) -> Option<u64> {
        let now = clock::now();
        let runs = words.load(Field::State) == State::Running.word();
        let kill_at = words.load(Field::KillAt);
        let deadline = words.load(Field::Deadline);
        if kill_at != 0 {
            return if kill_at > now {
                Some(kill_at)
            } else {
                self.kill(slot, words, now)
            };
        }
        match deadline {
            0 => None,
            _ if !runs => None,
            deadline if deadline > now => Some(deadline),
            _ => Some(self.stop(slot, words, now)),
        }
    }

    /// Begins to stop a process whose time is over. Why it ended is written down first.
    fn stop(&mut self, slot: usize, words: SlotWords<'_>, now: u64) -> u64 {
        let kill_at = now.saturating_add(words.load(Field::Grace)).max(1);
        words.store(Field::StopSignal, u64::from(u8::from(Signal::TERM)));
        words.store(Field::StopAt, clock::unix_micros());
        words.store(Field::KillAt, kill_at);
        self.signal(slot, words, Signal::TERM);
        kill_at
    }

    /// Ends what is left; the time to look again, if something may be.
    fn kill(&mut self, slot: usize, words: SlotWords<'_>, now: u64) -> Option<u64> {
        if self.signal(slot, words, Signal::KILL) {
            let again = now.saturating_add(AGAIN);
            words.store(Field::KillAt, again);
            return Some(again);
        }
        words.store(Field::KillAt, 0);
        None
    }
}

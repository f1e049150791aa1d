//! Reading ends, writing them down, and only then reaping.

use hostledger_sys::{AnyEnded, Signal, peek_any_ended, reap_pid};
use rustix::io::Errno;

use super::{Run, clock};
use crate::protocol::{ENDED, FAILED};
use crate::table::entry::State;
use crate::table::layout::{Field, SlotWords};

impl Run {
    /// Takes the ends of all children that have ended; false when there is no child left.
    pub(super) fn reap(&mut self) -> bool {
        loop {
            match peek_any_ended() {
                Ok(Some(ended)) => self.ended(&ended),
                Err(Errno::CHILD) => return false,
                Ok(None) | Err(_) => return true,
            }
        }
    }

    /// A crash at any point in here leaves the zombie to whoever is our parent, or the end in
    /// the table, or both.
    fn ended(&mut self, ended: &AnyEnded) {
        // One that stands in no slot descends from one that does, and came to us as its parent
        // went away.
        let slot = self.live.take(ended.pid());
        if let Some(slot) = slot {
            // The next one need not wait until all about this one is written down.
            let had_turn = self.turns.end(slot);
            self.launch_waiting();
            if self
                .starts
                .take_ended(slot, ended, &mut self.rooms)
                .is_some()
            {
                self.started(slot, had_turn);
            }
            if let Some(words) = self.map.slot(slot) {
                self.write_end(slot, words, ended, had_turn);
            }
        }
        let reaped = reap_pid(ended.pid());
        debug_assert!(reaped.is_ok());
    }

    fn write_end(&mut self, slot: usize, words: SlotWords<'_>, ended: &AnyEnded, had_turn: bool) {
        let logs = self.logs.finish(slot);
        if words.load(Field::Failure) != 0 {
            words.store(Field::State, State::Failed.word());
            return self.tell(slot, FAILED, had_turn);
        }
        self.end_unmarked(slot, words);
        let usage = &ended.usage;
        let micros =
            |seconds: i64, micros: i64| seconds.unsigned_abs() * 1_000_000 + micros.unsigned_abs();
        for (field, value) in [
            (
                Field::WaitStatus,
                u64::from(ended.wait_status.unsigned_abs()),
            ),
            (Field::EndAt, clock::unix_micros()),
            (
                Field::UserTime,
                micros(usage.ru_utime.tv_sec, usage.ru_utime.tv_usec),
            ),
            (
                Field::SystemTime,
                micros(usage.ru_stime.tv_sec, usage.ru_stime.tv_usec),
            ),
            (Field::MaxRss, usage.ru_maxrss.unsigned_abs()),
            (Field::BlockInputs, usage.ru_inblock.unsigned_abs()),
            (Field::BlockOutputs, usage.ru_oublock.unsigned_abs()),
            (Field::VoluntarySwitches, usage.ru_nvcsw.unsigned_abs()),
            (Field::InvoluntarySwitches, usage.ru_nivcsw.unsigned_abs()),
            (Field::DroppedOut, logs.dropped[0]),
            (Field::DroppedErr, logs.dropped[1]),
            (Field::Empty, logs.empty_word()),
        ] {
            words.store(field, value);
        }
        words.store(Field::Checksum, words.checksum());
        words.store(Field::State, State::Ended.word());
        self.tell(slot, ENDED, had_turn);
    }

    /// Where a process that is being stopped has neither group nor tag, what it leaves can be
    /// told from others only as long as its zombie holds its number.
    fn end_unmarked(&mut self, slot: usize, words: SlotWords<'_>) {
        let stopping = !self.launcher && words.load(Field::KillAt) != 0;
        if stopping && words.load(Field::Tag) == 0 && words.load(Field::GroupName) == 0 {
            self.signal(slot, words, Signal::KILL);
            words.store(Field::KillAt, 0);
        }
    }
}

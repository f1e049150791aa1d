//! Programs that wait for their turn.
//!
//! Whoever works off a queue hands the next ones over before there is room for them. So one
//! program follows another without anybody being asked in between.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use hostledger_sys::SharedWords;

use crate::protocol::{LAUNCH_FDS, LaunchMessage, MOST_WAITING, NONE};
use crate::table::layout::MOST_SLOTS;

/// A program that waits: what was asked for, with its descriptors.
pub(super) type Waiting = (LaunchMessage, [OwnedFd; LAUNCH_FDS]);

/// With so few waiting, the launcher is told of an end at once.
const FEW: u64 = 4;

#[derive(Debug)]
pub(super) struct Turns {
    places: [Option<Waiting>; MOST_WAITING],
    first: usize,
    count: usize,
    /// How many may run at once, as was said last.
    limit: u64,
    running: u64,
    /// For each slot, whether what runs there has had to wait for its turn.
    taken: SharedWords,
    /// All that wait are to be given back.
    recalled: bool,
    /// Nothing more is started: who asks for it is gone.
    closed: bool,
}

impl Turns {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            places: [const { None }; MOST_WAITING],
            first: 0,
            count: 0,
            limit: 0,
            running: 0,
            taken: SharedWords::private(MOST_SLOTS)?,
            recalled: false,
            closed: false,
        })
    }

    /// Has a program wait; gives it back when there is no place.
    pub(super) fn add(&mut self, waiting: Waiting) -> Result<(), Waiting> {
        if self.closed || self.count == MOST_WAITING {
            return Err(waiting);
        }
        self.limit = waiting.0.at_once;
        if let Some(place) = self
            .places
            .get_mut((self.first + self.count) % MOST_WAITING)
        {
            *place = Some(waiting);
            self.count += 1;
        }
        Ok(())
    }

    /// From now on so many may run at once.
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The next one, if it is its turn.
    pub(super) fn next(&mut self, now: u64) -> Option<Waiting> {
        (self.running < self.limit && !self.recalled && !self.is_late(now))
            .then(|| self.take_first())
            .flatten()
    }

    /// What runs in a slot has had its turn.
    pub(super) fn begin(&mut self, slot: usize) {
        self.mark(slot, 1);
        self.running += 1;
    }

    /// What ran in a slot has ended; says whether it had had to wait for its turn.
    pub(super) fn end(&mut self, slot: usize) -> bool {
        let had_turn = self.has_begun(slot);
        if had_turn {
            self.mark(slot, 0);
            self.running -= 1;
        }
        had_turn
    }

    /// Whether what runs in a slot has had to wait for its turn.
    pub(super) fn has_begun(&self, slot: usize) -> bool {
        let word = self.taken.get(slot, 1).and_then(<[_]>::first);
        word.is_some_and(|word| word.load(Ordering::Relaxed) != 0)
    }

    /// Whether soon nothing would wait.
    pub(super) fn run_low(&self) -> bool {
        self.count as u64 <= self.limit.min(FEW)
    }

    /// From now on nothing that waits is started.
    pub(super) fn recall(&mut self) {
        self.recalled = self.count > 0;
    }

    /// Whether the next one has waited for too long: others may take for theirs what was not
    /// started by then, and who handed it over may be stopped and not notice.
    fn is_late(&self, now: u64) -> bool {
        self.first()
            .is_some_and(|(message, _)| message.is_late(now))
    }

    /// When the next one has waited for too long, if any waits.
    pub(super) fn is_late_at(&self) -> Option<u64> {
        let (message, _) = self.first()?;
        (message.start_by != NONE).then(|| message.start_by.saturating_add(1))
    }

    fn first(&self) -> Option<&Waiting> {
        self.places.get(self.first).and_then(Option::as_ref)
    }

    /// One of those that are to be given back: they were recalled, or have waited for too long.
    pub(super) fn take_recalled(&mut self, now: u64) -> Option<Waiting> {
        if !self.recalled && !self.is_late(now) {
            return None;
        }
        let waiting = self.take_first();
        self.recalled &= self.count > 0;
        waiting
    }

    /// Forgets all that wait, and takes no more: who asked for them is gone.
    pub(super) fn close(&mut self) {
        self.closed = true;
        while self.take_first().is_some() {}
    }

    fn take_first(&mut self) -> Option<Waiting> {
        let waiting = self.places.get_mut(self.first)?.take()?;
        self.first = (self.first + 1) % MOST_WAITING;
        self.count -= 1;
        Some(waiting)
    }

    fn mark(&self, slot: usize, value: u64) {
        if let Some([word]) = self.taken.get(slot, 1) {
            word.store(value, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn waiting(number: u64, at_once: u64) -> Waiting {
        let message = LaunchMessage {
            id: (number, 0),
            attempt: 1,
            timeout: NONE,
            grace: 0,
            kill_mode: 0,
            max_log_bytes: NONE,
            at_once,
            start_by: NONE,
        };
        let null = || OwnedFd::from(File::open("/dev/null").unwrap());
        (message, [null(), null(), null(), null()])
    }

    fn number(waiting: Option<Waiting>) -> Option<u64> {
        waiting.map(|(message, _)| message.id.0)
    }

    #[test]
    fn each_has_its_turn_in_order_and_as_many_run_as_may() {
        let mut turns = Turns::new().unwrap();
        for number in 0..5 {
            turns.add(waiting(number, 2)).unwrap();
        }
        for slot in [7, 8] {
            assert_eq!(number(turns.next(0)), Some(slot as u64 - 7));
            turns.begin(slot);
        }
        assert_eq!(number(turns.next(0)), None);
        assert!(!turns.end(99));
        assert_eq!(number(turns.next(0)), None, "it had no turn");
        assert!(turns.end(8));
        assert!(turns.has_begun(7) && !turns.has_begun(8));
        assert_eq!(number(turns.next(0)), Some(2));
    }

    #[test]
    fn no_more_wait_than_there_are_places() {
        let mut turns = Turns::new().unwrap();
        for number in 0..MOST_WAITING as u64 {
            turns.add(waiting(number, 1)).unwrap();
        }
        assert!(turns.add(waiting(99, 1)).is_err());
        assert_eq!(number(turns.next(0)), Some(0));
        turns.add(waiting(99, 1)).unwrap();
    }

    #[test]
    fn what_is_recalled_is_given_back_and_not_started() {
        let mut turns = Turns::new().unwrap();
        turns.recall();
        turns.add(waiting(1, 1)).unwrap();
        turns.add(waiting(2, 1)).unwrap();
        turns.recall();
        assert_eq!(number(turns.next(0)), None);
        assert_eq!(number(turns.take_recalled(0)), Some(1));
        assert_eq!(number(turns.take_recalled(0)), Some(2));
        assert_eq!(number(turns.take_recalled(0)), None);
        turns.add(waiting(3, 1)).unwrap();
        assert_eq!(number(turns.next(0)), Some(3));
    }

    #[test]
    fn what_has_waited_for_too_long_is_given_back_and_the_next_is_started() {
        let mut turns = Turns::new().unwrap();
        for (number, start_by) in [(1, 100), (2, 101)] {
            let (message, descriptors) = waiting(number, 1);
            let message = LaunchMessage {
                start_by,
                ..message
            };
            turns.add((message, descriptors)).unwrap();
        }
        assert_eq!(number(turns.take_recalled(100)), None);
        let late = turns.is_late_at().unwrap();
        assert_eq!(number(turns.next(late)), None);
        assert_eq!(number(turns.take_recalled(late)), Some(1));
        assert_eq!(number(turns.take_recalled(late)), None);
        assert_eq!(number(turns.next(late)), Some(2));
        assert_eq!(turns.is_late_at(), None);
    }

    #[test]
    fn a_new_limit_holds_for_those_that_wait() {
        let mut turns = Turns::new().unwrap();
        for number in 0..3 {
            turns.add(waiting(number, 0)).unwrap();
        }
        assert_eq!(number(turns.next(0)), None);
        turns.set_limit(1);
        assert_eq!(number(turns.next(0)), Some(0));
        turns.begin(0);
        assert_eq!(number(turns.next(0)), None);
        turns.set_limit(2);
        assert_eq!(number(turns.next(0)), Some(1));
    }

    #[test]
    fn when_who_asked_is_gone_nothing_waits_any_more() {
        let mut turns = Turns::new().unwrap();
        turns.add(waiting(1, 1)).unwrap();
        turns.close();
        assert_eq!(number(turns.next(0)), None);
        assert!(turns.add(waiting(2, 1)).is_err());
    }
}

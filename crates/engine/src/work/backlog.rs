//! What was taken on and is not started yet, and when to take on more.

use std::collections::VecDeque;
use std::time::Duration;

use hostledger_model::Timestamp;
use hostledger_store::{Claimed, Claims};

/// Processes taken on ahead of their start, at most.
const LARGEST: usize = 32;
/// For how long what is taken on ahead should last. Others who have a slot free should not wait
/// for what lies here.
const AHEAD: Duration = Duration::from_millis(50);

/// Between tries to claim, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Processes that are ours and wait for a free slot.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Claimed>,
    rest: Rest,
    /// As of when the claim that is under way was made.
    asked: Option<Timestamp>,
    /// Whether there was news since.
    has_news: bool,
    failures: u32,
    pace: Pace,
    /// Whether something has ended since the last claim was made.
    stale: bool,
}

/// What is known of what we have not taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Rest {
    /// There may be something due.
    #[default]
    MayBeDue,
    /// Nothing is due before then, unless there is news.
    DueAt(Option<Timestamp>),
    /// It could not be found out; to be tried again at this moment.
    Unknown(Duration),
}

/// How fast processes are started.
#[derive(Debug, Default)]
struct Pace {
    since: Duration,
    started: u32,
    /// How many to take on ahead.
    ahead: usize,
}

impl Pace {
    /// Measures anew, at each claim.
    fn measure(&mut self, elapsed: Duration) {
        let passed = elapsed.saturating_sub(self.since).as_micros().max(1);
        let ahead = u128::from(self.started) * AHEAD.as_micros() / passed;
        self.ahead = usize::try_from(ahead).unwrap_or(LARGEST).min(LARGEST);
        self.since = elapsed;
        self.started = 0;
    }
}

impl Backlog {
    /// How many to claim now, if any, with this many slots free and so many handed over ahead of
    /// theirs. From then on the claim is under way.
    pub(crate) fn ask(
        &mut self,
        free: usize,
        handed_over: usize,
        elapsed: Duration,
        now: Timestamp,
    ) -> Option<u32> {
        if self.asked.is_some() {
            return None;
        }
        match self.rest {
            Rest::DueAt(next) if next.is_none_or(|next| next > now) => return None,
            Rest::Unknown(again) if again > elapsed => return None,
            // Should there be no slot now, there is no timer to wait for either.
            _ => self.rest = Rest::MayBeDue,
        }
        let target = free.max(self.pace.ahead);
        let taken_on = self.waiting.len() + handed_over;
        let runs_low = self.waiting.len() < free || taken_on <= target / 2;
        let limit = target.saturating_sub(taken_on);
        if limit == 0 || !runs_low {
            return None;
        }
        self.pace.measure(elapsed);
        self.stale = false;
        self.asked = Some(now);
        self.has_news = false;
        u32::try_from(limit).ok()
    }

    /// Whether a claim that brought nothing found this due all the same.
    pub(crate) fn was_due(&self, next_due: Option<Timestamp>) -> bool {
        let asked = self.asked.zip(next_due);
        asked.is_some_and(|(asked, next)| next <= asked)
    }

    /// Takes in what came of the claim.
    pub(crate) fn answered(&mut self, claims: Claims, now: Timestamp) {
        self.asked = None;
        self.failures = 0;
        self.rest = match claims.next_due {
            Some(next) if next <= now => Rest::MayBeDue,
            _ if std::mem::take(&mut self.has_news) => Rest::MayBeDue,
            next => Rest::DueAt(next),
        };
        // One that waits here already was due again, as its lease was over.
        let taken_anew =
            |old: &Claimed| (claims.claimed.iter()).any(|new| new.process.id == old.process.id);
        self.waiting.retain(|old| !taken_anew(old));
        self.waiting.extend(claims.claimed);
    }

    /// The claim has failed, or nothing could be had of what is due.
    pub(crate) fn failed(&mut self, elapsed: Duration) {
        self.asked = None;
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        self.rest = Rest::Unknown(elapsed.saturating_add(pause.min(LONGEST_PAUSE)));
    }

    /// Others have queued something, or something of ours may be due again.
    pub(crate) fn news(&mut self) {
        self.has_news = self.asked.is_some();
        self.rest = Rest::MayBeDue;
    }

    /// The next to start.
    pub(crate) fn take(&mut self) -> Option<Claimed> {
        let next = self.waiting.pop_front()?;
        self.pace.started += 1;
        Some(next)
    }

    /// Takes back what was handed over and not started: it is the next.
    pub(crate) fn put_back(&mut self, claimed: Claimed) {
        self.waiting.push_front(claimed);
    }

    /// All that are not started, to be given back. Nothing is taken on ahead until something is
    /// started again.
    pub(crate) fn give_up(&mut self) -> VecDeque<Claimed> {
        self.pace.ahead = 0;
        std::mem::take(&mut self.waiting)
    }

    /// How many are taken on and not started.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A process has ended: it may be due again.
    pub(crate) fn ended(&mut self) {
        self.stale = true;
    }

    pub(crate) fn is_claiming(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether there is nothing to start and nothing to be had, as of before now.
    pub(crate) fn is_empty(&self, now: Timestamp) -> bool {
        let none_due = matches!(self.rest, Rest::DueAt(next) if next.is_none_or(|next| next > now));
        self.asked.is_none() && self.waiting.is_empty() && none_due
    }

    /// Whether nothing is to be had until there is news: then news is to be waited for.
    pub(crate) fn waits_for_news(&self) -> bool {
        self.asked.is_none() && matches!(self.rest, Rest::DueAt(_))
    }

    /// Whether what is known is older than the last end; if so, it is to be asked again.
    pub(crate) fn is_stale(&mut self) -> bool {
        if self.stale {
            self.rest = Rest::MayBeDue;
        }
        self.stale
    }

    /// How long until it is to be asked again without news.
    pub(crate) fn next_in(&self, elapsed: Duration, now: Timestamp) -> Option<Duration> {
        if self.asked.is_some() {
            return None;
        }
        match self.rest {
            Rest::MayBeDue => None,
            Rest::DueAt(next) => next.map(|next| next.since(now).to_std().unwrap_or_default()),
            Rest::Unknown(again) => Some(again.saturating_sub(elapsed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use hostledger_model::{CommandLine, MachineId, ProcessDraft, SecretWords};

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        now().saturating_add(TimeDelta::seconds(seconds))
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// This many claimed, and when the next is due.
    fn claims(count: u32, next_due: Option<Timestamp>) -> Claims {
        let claimed = |_| {
            let command = CommandLine::new(vec![b"true".to_vec()]).unwrap();
            let draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
            let made = draft.into_process(&SecretWords::default(), now());
            Claimed {
                process: made.unwrap().0,
                due_at: now(),
            }
        };
        Claims {
            claimed: (0..count).map(claimed).collect(),
            next_due,
            ..Claims::default()
        }
    }

    #[test]
    fn slots_are_filled_first_and_one_claim_is_under_way_at_a_time() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.ask(8, 0, millis(0), now()), Some(8));
        assert_eq!(
            backlog.ask(8, 0, millis(1), now()),
            None,
            "one is under way"
        );
        backlog.answered(claims(8, Some(now())), now());
        for _ in 0..8 {
            assert!(backlog.take().is_some());
        }
        assert!(backlog.take().is_none());
        assert_eq!(backlog.ask(0, 0, millis(1), now()), None, "nothing is free");
    }

    #[test]
    fn what_is_started_fast_is_claimed_ahead_and_what_is_slow_is_left_to_others() {
        for (passed, ahead) in [(8, Some(32)), (50, Some(8)), (400, Some(1)), (4000, None)] {
            let mut backlog = Backlog::default();
            backlog.ask(8, 0, millis(0), now());
            backlog.answered(claims(8, Some(now())), now());
            while backlog.take().is_some() {}
            // The pace is measured with the claim that follows, and holds for the one after.
            assert_eq!(
                backlog.ask(1, 0, millis(passed), now()),
                Some(1),
                "{passed}"
            );
            backlog.answered(claims(1, Some(now())), now());
            backlog.take();
            assert_eq!(backlog.ask(0, 0, millis(passed), now()), ahead, "{passed}");
        }
    }

    #[test]
    fn more_is_claimed_before_it_runs_dry() {
        let mut backlog = Backlog::default();
        backlog.ask(8, 0, millis(0), now());
        backlog.answered(claims(8, Some(now())), now());
        while backlog.take().is_some() {}
        backlog.ask(1, 0, millis(1), now());
        backlog.answered(claims(32, Some(now())), now());
        assert_eq!(backlog.ask(0, 0, millis(2), now()), None, "there is enough");
        for _ in 0..16 {
            backlog.take();
        }
        assert_eq!(backlog.ask(0, 0, millis(2), now()), Some(16));
    }

    #[test]
    fn when_nothing_is_due_it_asks_again_when_something_is_or_at_news() {
        let mut backlog = Backlog::default();
        backlog.ask(2, 0, millis(0), now());
        backlog.answered(claims(0, Some(at(5))), now());
        assert!(backlog.waits_for_news() && backlog.is_empty(now()));
        assert_eq!(backlog.ask(2, 0, millis(1), at(4)), None);
        assert_eq!(
            backlog.next_in(millis(1), at(3)),
            Some(Duration::from_secs(2))
        );
        assert_eq!(backlog.ask(2, 0, millis(1), at(5)), Some(2));
        backlog.answered(claims(0, None), at(5));
        assert_eq!(backlog.next_in(millis(1), at(5)), None, "no timer at all");
        assert_eq!(backlog.ask(2, 0, millis(1), at(99)), None);
        backlog.news();
        assert!(!backlog.is_empty(at(99)));
        assert_eq!(backlog.ask(2, 0, millis(1), at(99)), Some(2));
    }

    #[test]
    fn the_clock_may_be_set_back_and_forth() {
        let mut backlog = Backlog::default();
        backlog.ask(2, 0, millis(0), now());
        backlog.answered(claims(0, Some(at(60))), now());
        assert_eq!(backlog.ask(2, 0, millis(1), at(-3600)), None);
        assert_eq!(
            backlog.next_in(millis(1), at(-3600)),
            Some(Duration::from_secs(3660))
        );
        assert_eq!(backlog.ask(2, 0, millis(2), at(3600)), Some(2));
    }

    #[test]
    fn what_falls_due_while_nothing_is_free_sets_no_timer() {
        let mut backlog = Backlog::default();
        backlog.ask(1, 0, millis(0), now());
        backlog.answered(claims(1, Some(at(5))), now());
        backlog.take();
        assert_eq!(backlog.ask(0, 0, millis(5001), at(5)), None);
        assert_eq!(backlog.next_in(millis(5001), at(5)), None);
        assert_eq!(backlog.ask(1, 0, millis(5002), at(5)), Some(1));
    }

    #[test]
    fn news_that_comes_while_a_claim_is_under_way_stands() {
        let mut backlog = Backlog::default();
        backlog.ask(1, 0, millis(0), now());
        backlog.news();
        backlog.answered(claims(0, None), now());
        assert_eq!(backlog.ask(1, 0, millis(1), now()), Some(1));
        backlog.answered(claims(0, None), now());
        assert_eq!(backlog.ask(1, 0, millis(2), now()), None);
    }

    #[test]
    fn what_was_due_when_it_was_asked_for_and_did_not_come_is_others() {
        let mut backlog = Backlog::default();
        backlog.ask(1, 0, millis(0), now());
        assert!(backlog.was_due(Some(now())) && !backlog.was_due(Some(at(1))));
        assert!(!backlog.was_due(None));
        backlog.failed(millis(1));
        assert_eq!(backlog.ask(1, 0, millis(2), now()), None, "after a pause");
        assert_eq!(backlog.ask(1, 0, millis(101), now()), Some(1));
    }

    #[test]
    fn a_claim_that_fails_is_made_again_after_a_pause_that_grows() {
        let mut backlog = Backlog::default();
        let mut elapsed = millis(0);
        for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            assert!(backlog.ask(2, 0, elapsed, now()).is_some());
            backlog.failed(elapsed);
            assert_eq!(backlog.next_in(elapsed, now()), Some(millis(pause)));
            elapsed += millis(pause - 1);
            assert_eq!(backlog.ask(2, 0, elapsed, now()), None);
            elapsed += millis(1);
        }
    }

    #[test]
    fn what_was_found_before_the_last_end_is_asked_again() {
        let mut backlog = Backlog::default();
        backlog.ask(2, 0, millis(0), now());
        backlog.ended();
        backlog.answered(claims(0, None), now());
        assert!(backlog.is_stale());
        assert!(backlog.ask(2, 0, millis(1), now()).is_some());
        backlog.answered(claims(0, None), now());
        assert!(!backlog.is_stale());
    }

    #[test]
    fn what_is_given_up_is_all_that_was_not_started() {
        let mut backlog = Backlog::default();
        backlog.ask(3, 0, millis(0), now());
        backlog.answered(claims(3, None), now());
        backlog.take();
        assert_eq!(backlog.give_up().len(), 2);
        assert!(backlog.take().is_none());
    }
}

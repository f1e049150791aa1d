//! What was taken on and is not started yet, and when to take on more.

use std::collections::VecDeque;
use std::time::Duration;

use hostledger_model::Timestamp;
use hostledger_store::{Claimed, Claims};

/// Processes taken on ahead of their start, at most.
const LARGEST: usize = 32;
/// For how long what is taken on ahead should last. Others who have a slot free should not wait
/// for what lies here.
const AHEAD: Duration = Duration::from_millis(100);

/// Between tries to claim, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Processes that are ours and wait for a free slot.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Claimed>,
    rest: Rest,
    /// How many were asked for by the claim that is under way.
    asked: Option<u32>,
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
    /// How many to claim now, with this many slots free, if any. From then on the claim is under
    /// way.
    pub(crate) fn ask(&mut self, free: usize, elapsed: Duration, now: Timestamp) -> Option<u32> {
        if self.asked.is_some() {
            return None;
        }
        match self.rest {
            Rest::DueAt(next) if next.is_none_or(|next| next > now) => return None,
            Rest::Unknown(again) if again > elapsed => return None,
            _ => {}
        }
        let target = free.max(self.pace.ahead);
        let runs_low = self.waiting.len() < free || self.waiting.len() <= target / 2;
        let limit = target.saturating_sub(self.waiting.len());
        if limit == 0 || !runs_low {
            return None;
        }
        self.pace.measure(elapsed);
        self.stale = false;
        self.asked = u32::try_from(limit).ok();
        self.asked
    }

    /// Takes in what came of the claim.
    pub(crate) fn answered(&mut self, claims: Claims, now: Timestamp) {
        self.asked = None;
        self.failures = 0;
        self.rest = match claims.next_due {
            Some(next) if next <= now => Rest::MayBeDue,
            // News that came meanwhile stands.
            next => Rest::DueAt(next),
        };
        self.waiting.extend(claims.claimed);
    }

    /// The claim has failed.
    pub(crate) fn failed(&mut self, elapsed: Duration) {
        self.asked = None;
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        self.rest = Rest::Unknown(elapsed.saturating_add(pause.min(LONGEST_PAUSE)));
    }

    /// Others have queued something.
    pub(crate) fn news(&mut self) {
        self.rest = Rest::MayBeDue;
    }

    /// The next to start.
    pub(crate) fn take(&mut self) -> Option<Claimed> {
        let next = self.waiting.pop_front()?;
        self.pace.started += 1;
        Some(next)
    }

    /// All that are not started, to be given back.
    pub(crate) fn give_up(&mut self) -> VecDeque<Claimed> {
        std::mem::take(&mut self.waiting)
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

//! Working off a queue: what is due is taken on, and started as slots become free.
//!
//! This is what is known of it; the event loop, which also supervises what was started, acts on
//! it.

mod backlog;
mod ended;
mod progress;
mod store_queue;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use hostledger_model::{Outcome, Process, ProcessId, ProcessStatus, StopRequest, Timestamp};

use crate::bystander::Bystander;
use crate::port::{Orders, Queue};
use crate::take_over::TakeOver;

pub(crate) use backlog::Backlog;
pub use ended::Ended;
pub use progress::{WorkCounts, WorkWatch};
pub use store_queue::StoreQueue;

/// Ends that are not written down yet, beyond the number of slots, before nothing more is started:
/// as many as the writing thread takes at once.
const LARGEST_ARREARS: usize = 256;

/// Processes handed over ahead of their turn, at most: enough for the time until we hear of what
/// has ended meanwhile.
const LARGEST_AHEAD: usize = 24;

/// How long something may be taken on that is not started, because all slots are taken. Then it
/// is given back: others may have a slot for it, and who wants to cancel it need not ask us.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Within this time what was handed over ahead is started, or comes back: a worker that was stopped
/// does not notice that others have taken it on since.
const START_WITHIN: Duration = Duration::from_secs(5);

/// How long what runs short is put off at least: meanwhile others are tried.
const LEAST_PUT_OFF: Duration = Duration::from_secs(1);

/// Between tries to start something when something has run out, doubling.
const FIRST_SHORTAGE: Duration = Duration::from_millis(100);
const LONGEST_SHORTAGE: Duration = Duration::from_secs(5);

/// How a queue is to be worked off.
pub struct WorkPlan {
    /// Where processes wait.
    pub queue: Box<dyn Queue>,
    /// Who says how each is started.
    pub orders: Box<dyn Orders>,
    /// Takes over what dead workers leave, if anybody does.
    pub heir: Option<Bystander>,
    /// How many run at once, at least 1.
    pub jobs: usize,
    /// Whether to end when nothing is due and nothing runs.
    pub once: bool,
    /// Told of each process that has ended for good, if anybody wants to know.
    pub ended: Option<Ended>,
}

/// What becomes of what runs when the work is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtEnd {
    /// It goes on under its keeper, and is marked as detached.
    Leave,
    /// It is stopped; the work ends when it has.
    Stop {
        /// As whose request, and with which signal.
        request: StopRequest,
        /// How long until SIGKILL.
        grace: TimeDelta,
    },
}

/// Who sees to it that no more run than may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// We do: it was started when there was room.
    Ours,
    /// It was handed over, and had its turn.
    Turn,
}

/// What has a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Active {
    slot: Slot,
    /// When it was due.
    due_at: Timestamp,
}

/// The work of an event loop.
pub(crate) struct Work {
    pub(crate) plan: WorkPlan,
    pub(crate) backlog: Backlog,
    /// What was handed over ahead of its turn, with when it was due; it may have begun meanwhile.
    pub(crate) ahead: HashMap<ProcessId, Timestamp>,
    /// What has a slot: it runs or is being started.
    pub(crate) active: HashMap<ProcessId, Active>,
    /// How many of them we have started.
    ours: usize,
    /// How many of those that have their turn may run at once, as was said last.
    limit: u32,
    /// When something was last taken on or started, by the clock for waiting.
    pub(crate) moved_at: Duration,
    /// Until when nothing is started, as something has run out, and how often in a row it had.
    short: Option<(Duration, u32)>,
    /// Until when what has run short is put off.
    put_off_until: Option<Timestamp>,
    /// What has ended, and left its slot, but is not written down yet.
    pub(crate) unwritten: HashSet<ProcessId>,
    /// Processes that are being given back.
    pub(crate) giving_back: usize,
    pub(crate) ending: Option<AtEnd>,
    /// Since when it is ending, by the clock for waiting.
    ending_since: Duration,
    pub(crate) take_over: Option<TakeOver>,
    pub(crate) watch: Arc<WorkWatch>,
}

impl Work {
    pub(crate) fn new(plan: WorkPlan, take_over: Option<TakeOver>, watch: Arc<WorkWatch>) -> Self {
        Self {
            plan,
            backlog: Backlog::default(),
            ahead: HashMap::new(),
            active: HashMap::new(),
            ours: 0,
            limit: 0,
            moved_at: Duration::ZERO,
            short: None,
            put_off_until: None,
            unwritten: HashSet::new(),
            giving_back: 0,
            ending: None,
            ending_since: Duration::ZERO,
            take_over,
            watch,
        }
    }

    /// How many slots nobody has or waits for. A slot is free when its program has ended, not when
    /// that is durable: the disk is not waited for, unless very much is to be written.
    pub(crate) fn free(&self) -> usize {
        let writable = (self.jobs() + LARGEST_ARREARS).saturating_sub(self.unwritten.len());
        self.jobs().saturating_sub(self.given()).min(writable)
    }

    /// How many are taken on beyond what has a slot, or is about to have one.
    fn waiting(&self) -> usize {
        (self.given() + self.backlog.len()).saturating_sub(self.jobs())
    }

    /// How many of them are handed over.
    pub(crate) fn handed_over(&self) -> usize {
        self.given().saturating_sub(self.jobs())
    }

    /// Whether one more can be handed over ahead of its turn, where there is room for so many; or
    /// started, where nobody else sees to turns.
    pub(crate) fn can_start(&self, room: Option<usize>, elapsed: Duration) -> bool {
        if self.is_short(elapsed) {
            return false;
        }
        let Some(room) = room else {
            return self.free() > 0;
        };
        let ahead = if self.waits_too_long(elapsed) {
            0
        } else {
            LARGEST_AHEAD
        };
        let is_wanted = self.given() < self.jobs() + ahead;
        let is_writable = self.unwritten.len() < LARGEST_ARREARS;
        room > 0 && is_wanted && is_writable
    }

    /// How many of those that have their turn may run at once: as many as there are slots that are
    /// not ours.
    fn turns(&self) -> u32 {
        let turns = self.jobs().saturating_sub(self.ours);
        u32::try_from(turns).unwrap_or(u32::MAX)
    }

    /// Of a process that is to be started, how many may have their turn, if it waits for its own.
    pub(crate) fn turn_of(&mut self, id: ProcessId) -> Option<u32> {
        if !self.ahead.contains_key(&id) {
            return None;
        }
        self.limit = self.turns();
        Some(self.limit)
    }

    /// How many may have their turn from now on, when that is to be said: something waits, and was
    /// handed over with another number.
    pub(crate) fn new_limit(&mut self) -> Option<u32> {
        let turns = self.turns();
        if self.ahead.is_empty() || self.limit == turns {
            return None;
        }
        self.limit = turns;
        Some(turns)
    }

    /// Whether what is not started is to be given back, as its wait is too long.
    pub(crate) fn waits_too_long(&self, elapsed: Duration) -> bool {
        self.waits(elapsed) && elapsed.saturating_sub(self.moved_at) >= LONGEST_WAIT
    }

    /// How long until what waits is given back, or can be started.
    pub(crate) fn changes_in(&self, elapsed: Duration) -> Option<Duration> {
        let since = elapsed.saturating_sub(self.moved_at);
        let waits = self.waits(elapsed) && since < LONGEST_WAIT;
        let gives_up = waits.then(|| LONGEST_WAIT - since);
        let until = self.short.map(|(until, _)| until);
        let short = until.filter(|until| *until > elapsed);
        let recovers = short.map(|until| until - elapsed);
        gives_up.into_iter().chain(recovers).min()
    }

    fn waits(&self, elapsed: Duration) -> bool {
        self.waiting() > 0 || self.is_short(elapsed) && self.backlog.len() > 0
    }

    /// Something has run out: nothing is started for a while, each time for longer, unless one of
    /// ours ends. Says when what has met with it is due again: behind others, as it may be the one
    /// that asks for too much.
    pub(crate) fn run_short(&mut self, elapsed: Duration, now: Timestamp) -> Timestamp {
        let (mut until, times) = self.short.unwrap_or_default();
        if until <= elapsed {
            let pause = FIRST_SHORTAGE.saturating_mul(1 << times.min(16));
            until = elapsed.saturating_add(pause.min(LONGEST_SHORTAGE));
            self.short = Some((until, times + 1));
        }
        let put_off = LEAST_PUT_OFF.max(until.saturating_sub(elapsed));
        let due_at = now.saturating_add(TimeDelta::from_std(put_off).unwrap_or_default());
        self.put_off_until = self.put_off_until.max(Some(due_at));
        due_at
    }

    /// Whether nothing is started for now.
    pub(crate) fn is_short(&self, elapsed: Duration) -> bool {
        self.short.is_some_and(|(until, _)| until > elapsed)
    }

    /// What has a slot or is handed over.
    fn given(&self) -> usize {
        self.active.len() + self.ahead.len()
    }

    fn jobs(&self) -> usize {
        self.plan.jobs.max(1)
    }

    /// Whether nothing of it runs and all of it is written down.
    pub(crate) fn is_idle(&self) -> bool {
        self.active.is_empty() && self.ahead.is_empty() && self.unwritten.is_empty()
    }

    /// A program that was handed over has had its turn; says whether it was.
    pub(crate) fn began(&mut self, id: ProcessId, elapsed: Duration) -> bool {
        let due_at = self.ahead.remove(&id);
        if let Some(due_at) = due_at {
            self.moved_at = elapsed;
            self.short = None;
            let slot = Slot::Turn;
            self.active.insert(id, Active { slot, due_at });
            self.count_running();
        }
        due_at.is_some()
    }

    /// A program has ended, or could not be started.
    pub(crate) fn ended(&mut self, id: ProcessId) {
        // It has given back what it had.
        if let Some((until, _)) = &mut self.short {
            *until = Duration::ZERO;
        }
        if self.take_back(id).is_some() {
            self.unwritten.insert(id);
        }
    }

    /// Takes a process out that has a slot or waits for its turn; says when it was due.
    pub(crate) fn take_back(&mut self, id: ProcessId) -> Option<Timestamp> {
        if let Some(due_at) = self.ahead.remove(&id) {
            return Some(due_at);
        }
        let Active { slot, due_at } = self.active.remove(&id)?;
        self.ours -= usize::from(slot == Slot::Ours);
        self.count_running();
        Some(due_at)
    }

    /// Whether all that was due is done, where that is all that is wanted. What was due before the
    /// last end may not be all: it is asked for once more.
    pub(crate) fn is_done_for_once(&mut self, now: Timestamp) -> bool {
        let inherits = self.take_over.as_ref().is_some_and(TakeOver::is_busy);
        let is_put_off = self.put_off_until.is_some_and(|until| until >= now);
        let once = self.plan.once && !inherits && !is_put_off && self.giving_back == 0;
        let idle = once && self.is_idle() && self.backlog.is_empty(now);
        idle && !self.backlog.is_stale()
    }

    /// A process has a slot from here on.
    pub(crate) fn begin(&mut self, id: ProcessId, due_at: Timestamp) {
        let slot = Slot::Ours;
        self.active.insert(id, Active { slot, due_at });
        self.ours += 1;
        self.count_running();
    }

    /// From now on it is to end.
    pub(crate) fn end(&mut self, at_end: AtEnd, elapsed: Duration) {
        self.ending = Some(at_end);
        self.ending_since = elapsed;
    }

    /// How long until what is not started is not waited for any more, as nobody starts it now:
    /// whoever keeps it does not answer. Nothing when that time is over.
    pub(crate) fn patience(&self, elapsed: Duration) -> Option<Duration> {
        let until = self
            .ending_since
            .saturating_add(START_WITHIN + LONGEST_WAIT);
        until.checked_sub(elapsed).filter(|left| !left.is_zero())
    }

    /// How long a process may wait for its start at whoever starts it: others may have taken it on
    /// when its lease is over.
    pub(crate) fn start_within(process: &Process, now: Timestamp) -> Duration {
        let lease = process.retry_at.map(|lease| lease.since(now));
        let left = lease.and_then(|left| left.to_std().ok());
        left.map_or(START_WITHIN, |left| left.min(START_WITHIN))
    }

    /// What had a slot is written down as ended, or as queued again.
    pub(crate) fn finished(&mut self, process: Process) {
        if !self.leave_slot(process.id) {
            return;
        }
        let succeeded = process.outcome == Some(Outcome::Exited) && process.exit_code == Some(0);
        let is_final = process.status == ProcessStatus::Exited;
        self.watch.count(|counts| match (is_final, succeeded) {
            (false, _) => counts.retried += 1,
            (true, true) => counts.succeeded += 1,
            (true, false) => counts.failed += 1,
        });
        let ended = self.plan.ended.as_mut().filter(|_| is_final);
        if ended.is_some_and(|ended| !ended.tell(process)) {
            self.watch.count(|counts| counts.untold += 1);
        }
    }

    /// What had a slot is somebody else's by now.
    pub(crate) fn taken_over(&mut self, id: ProcessId) {
        if self.leave_slot(id) {
            self.watch.count(|counts| counts.taken_over += 1);
        }
    }

    fn leave_slot(&mut self, id: ProcessId) -> bool {
        let had_slot = self.take_back(id).is_some();
        let had_one = self.unwritten.remove(&id) || had_slot;
        if had_one {
            self.backlog.ended();
        }
        had_one
    }

    fn count_running(&self) {
        let running = self.active.len();
        self.watch.count(|counts| counts.running = running);
    }
}

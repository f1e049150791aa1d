//! Working off a queue: what is due is taken on, and started as slots become free.
//!
//! This is what is known of it; the event loop, which also supervises what was started, acts on
//! it.

mod backlog;
mod progress;
mod store_queue;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use chrono::TimeDelta;
use hostledger_model::{Outcome, Process, ProcessId, ProcessStatus, StopRequest, Timestamp};

use crate::bystander::Bystander;
use crate::port::{Orders, Queue};
use crate::take_over::TakeOver;

pub(crate) use backlog::Backlog;
pub use progress::{WorkCounts, WorkWatch};
pub use store_queue::StoreQueue;

/// Ends that are not written down yet, beyond the number of slots, before nothing more is started:
/// as many as the writing thread takes at once.
const LARGEST_ARREARS: usize = 256;

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
    pub ended: Option<Sender<Process>>,
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

/// The work of an event loop.
pub(crate) struct Work {
    pub(crate) plan: WorkPlan,
    pub(crate) backlog: Backlog,
    /// What has a slot: it runs or is being started.
    pub(crate) active: HashSet<ProcessId>,
    /// What has ended, and left its slot, but is not written down yet.
    pub(crate) unwritten: HashSet<ProcessId>,
    /// Processes that are being given back.
    pub(crate) giving_back: usize,
    pub(crate) ending: Option<AtEnd>,
    pub(crate) take_over: Option<TakeOver>,
    pub(crate) watch: Arc<WorkWatch>,
}

impl Work {
    pub(crate) fn new(plan: WorkPlan, take_over: Option<TakeOver>, watch: Arc<WorkWatch>) -> Self {
        Self {
            plan,
            backlog: Backlog::default(),
            active: HashSet::new(),
            unwritten: HashSet::new(),
            giving_back: 0,
            ending: None,
            take_over,
            watch,
        }
    }

    /// How many can be started now. A slot is free when its program has ended, not when that is
    /// durable: the disk is not waited for, unless very much is to be written.
    pub(crate) fn free(&self) -> usize {
        let jobs = self.plan.jobs.max(1);
        let writable = (jobs + LARGEST_ARREARS).saturating_sub(self.unwritten.len());
        jobs.saturating_sub(self.active.len()).min(writable)
    }

    /// Whether nothing of it runs and all of it is written down.
    pub(crate) fn is_idle(&self) -> bool {
        self.active.is_empty() && self.unwritten.is_empty()
    }

    /// A program has ended, or could not be started.
    pub(crate) fn ended(&mut self, id: ProcessId) {
        if self.active.remove(&id) {
            self.unwritten.insert(id);
            self.count_running();
        }
    }

    /// Whether all that was due is done, where that is all that is wanted. What was due before the
    /// last end may not be all: it is asked for once more.
    pub(crate) fn is_done_for_once(&mut self, now: Timestamp) -> bool {
        let inherits = self.take_over.as_ref().is_some_and(TakeOver::is_busy);
        let once = self.plan.once && !inherits;
        let idle = once && self.is_idle() && self.backlog.is_empty(now);
        idle && !self.backlog.is_stale()
    }

    /// A process has a slot from here on.
    pub(crate) fn begin(&mut self, id: ProcessId) {
        self.active.insert(id);
        self.count_running();
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
        if let Some(ended) = self.plan.ended.as_ref().filter(|_| is_final)
            && ended.send(process).is_err()
        {
            // Nobody wants to know any more.
            self.plan.ended = None;
        }
    }

    /// What had a slot is somebody else's by now.
    pub(crate) fn taken_over(&mut self, id: ProcessId) {
        if self.leave_slot(id) {
            self.watch.count(|counts| counts.taken_over += 1);
        }
    }

    fn leave_slot(&mut self, id: ProcessId) -> bool {
        let had_one = self.active.remove(&id) | self.unwritten.remove(&id);
        if had_one {
            self.backlog.ended();
            self.count_running();
        }
        had_one
    }

    fn count_running(&self) {
        let running = self.active.len();
        self.watch.count(|counts| counts.running = running);
    }
}

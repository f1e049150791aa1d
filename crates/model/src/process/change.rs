//! What can happen to a process row, each change touching only its own fields.

use super::{Outcome, Process, ProcessStatus, StopRequest};
use crate::{BinaryId, LogPlace, OwnerId, ProcessIdentity, ResourceUsage, Timestamp};

/// A change of a process row, decided by its state machine and written by the store.
#[derive(Debug, Clone, PartialEq)]
pub enum ProcessChange {
    /// Somebody took it on: only while it is queued and due.
    Claimed {
        /// Who.
        owner: OwnerId,
        /// Until when nobody else may.
        lease_until: Timestamp,
    },
    /// It cannot start yet: due again later, and nobody's until then.
    Deferred {
        /// When.
        retry_at: Timestamp,
    },
    /// Its program was executed: only while it is queued, and only when whoever started it knows
    /// of the stop that was asked for, if one was. What an earlier attempt came to goes: it is in
    /// the history.
    Started(Started),
    /// It was learnt which recorded program it runs: only while it is queued.
    Uses {
        /// Which; `None` for none, where its row had said one.
        binary: Option<BinaryId>,
    },
    /// A stop was asked for: only while it has not ended, and only the first one.
    StopRequested(StopRequest),
    /// It is to live on without whoever supervised it: only while it is running.
    Detached,
    /// It ended, for good. One that never started: only while it is queued; one that is lost:
    /// while it is running, or queued and somebody's; any other: only while it is running. An
    /// end by itself (outcome `exited` or `signaled`) only while no stop was asked for: whoever
    /// decided that did not know of it, and has to decide again. When no start of this attempt
    /// is known, nothing stays of how an earlier one did.
    Ended(Ended),
    /// It failed and will be tried again: only where it might end so. The stop of the attempt
    /// that failed goes with it; how it ended is shown until the next one starts.
    Requeued(Requeued),
}

/// The fields that change when a process has started.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// Who it is.
    pub identity: ProcessIdentity,
    /// When it started, by the kernel's account.
    pub started_at: Timestamp,
    /// When somebody else should look at it, at the latest.
    pub lease_until: Timestamp,
    /// Where its output goes.
    pub log: LogPlace,
    /// Whether whoever says so knows of a stop that was asked for before, and sees to it.
    pub knows_stop: bool,
}

/// The fields that change when a process has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When.
    pub ended_at: Timestamp,
    /// Its own code, or 128 + the signal; none when nobody could learn it.
    pub exit_code: Option<i32>,
    /// How.
    pub outcome: Outcome,
    /// A bounded part of its output.
    pub stdout: String,
    /// A bounded part of its error output, or why it could not be started.
    pub stderr: String,
    /// All it wrote to its output, in bytes; none when that was not kept.
    pub stdout_bytes: Option<u64>,
    /// All it wrote to its error output, in bytes; none when that was not kept.
    pub stderr_bytes: Option<u64>,
    /// How many of the first bytes of its output are no longer in the log; none when all are.
    pub stdout_dropped: Option<u64>,
    /// How many of the first bytes of its error output are no longer in the log.
    pub stderr_dropped: Option<u64>,
    /// What it used of the machine.
    pub usage: Option<ResourceUsage>,
}

/// The fields that change when a process is to be tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct Requeued {
    /// How the attempt that failed ended; kept in the history.
    pub ended: Ended,
    /// When the next one is due; the end of the owner's lease when there is one.
    pub retry_at: Timestamp,
    /// Who keeps it, to make the next one himself; anybody may when there is none.
    pub owner: Option<OwnerId>,
}

/// An earlier attempt of a process, as the history keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: u32,
    /// Who it was.
    pub identity: Option<ProcessIdentity>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Where its output went.
    pub log: Option<LogPlace>,
    /// How it ended.
    pub ended: Ended,
}

impl Attempt {
    /// The attempt of `process` that has just ended like this, before the row changes.
    #[must_use]
    pub fn of(process: &Process, ended: &Ended) -> Self {
        let started = has_started(process, ended);
        Self {
            number: process.attempt,
            identity: process.identity.clone().filter(|_| started),
            started_at: process.started_at.filter(|_| started),
            log: process.log.clone().filter(|_| started),
            ended: ended.clone(),
        }
    }
}

impl ProcessChange {
    /// Makes the change on a row in memory, as the store makes it on the row it holds.
    pub fn apply(&self, process: &mut Process, now: Timestamp) {
        process.modified_at = now;
        match self {
            Self::Claimed { owner, lease_until } => {
                process.owner = Some(*owner);
                process.retry_at = Some(*lease_until);
            }
            Self::Deferred { retry_at } => {
                process.retry_at = Some(*retry_at);
                process.owner = None;
            }
            Self::Started(started) => {
                process.status = ProcessStatus::Running;
                process.pid = Some(started.identity.pid);
                process.identity = Some(started.identity.clone());
                process.started_at = Some(started.started_at);
                process.retry_at = Some(started.lease_until);
                process.log = Some(started.log.clone());
                forget_end(process);
            }
            Self::Uses { binary } => process.binary_id = *binary,
            Self::StopRequested(stop) => {
                process.stop.get_or_insert_with(|| stop.clone());
            }
            Self::Detached => process.detached = true,
            Self::Ended(ended) => {
                ended.fill(process);
                process.status = ProcessStatus::Exited;
                process.retry_at = None;
                process.owner = None;
            }
            Self::Requeued(requeued) => {
                requeued.ended.fill(process);
                process.status = ProcessStatus::Queued;
                process.retry_at = Some(requeued.retry_at);
                process.owner = requeued.owner;
                process.attempt += 1;
                process.stop = None;
            }
        }
    }
}

/// Whether the attempt that ends like this is known to have started: what a row says of a start
/// while it is queued is an earlier attempt's.
fn has_started(process: &Process, ended: &Ended) -> bool {
    process.status != ProcessStatus::Queued && !ended.outcome.is_before_start()
}

pub(super) fn forget_end(process: &mut Process) {
    process.ended_at = None;
    process.exit_code = None;
    process.outcome = None;
    process.stdout.clear();
    process.stderr.clear();
    process.stdout_bytes = None;
    process.stderr_bytes = None;
    process.stdout_dropped = None;
    process.stderr_dropped = None;
    process.usage = None;
}

pub(super) fn forget_start(process: &mut Process) {
    process.pid = None;
    process.identity = None;
    process.started_at = None;
    process.log = None;
}

impl Ended {
    fn fill(&self, process: &mut Process) {
        if !has_started(process, self) {
            forget_start(process);
        }
        process.ended_at = Some(self.ended_at);
        process.exit_code = self.exit_code;
        process.outcome = Some(self.outcome);
        process.stdout.clone_from(&self.stdout);
        process.stderr.clone_from(&self.stderr);
        process.stdout_bytes = self.stdout_bytes;
        process.stderr_bytes = self.stderr_bytes;
        process.stdout_dropped = self.stdout_dropped;
        process.stderr_dropped = self.stderr_dropped;
        process.usage = self.usage;
    }
}

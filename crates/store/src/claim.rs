//! Taking on what is due.

use hostledger_model::{Lease, MachineId, OwnerId, Process, Timestamp};

use crate::error::CorruptRow;

/// Asks for processes that are due, to be taken on by one owner.
///
/// Due are those of the machine that are queued and whose `retry_at` is not after `now`: nobody
/// has taken them on, or whoever did has let the lease pass. They come in the order of their
/// `retry_at`, then of their creation time, then of their id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The host they are to run on.
    pub machine: MachineId,
    /// Who takes them on.
    pub owner: OwnerId,
    /// The time it is.
    pub now: Timestamp,
    /// How many at most.
    pub limit: u32,
    /// For how long.
    pub lease: Lease,
}

/// What came of a claim.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// What was taken on, in the order in which it is to be started.
    pub claimed: Vec<Claimed>,
    /// Rows that are due but cannot be read. They are put off by the lease of one without a timeout, so
    /// that they stand in nobody's way.
    pub corrupt: Vec<CorruptRow>,
    /// When the next queued process of the machine is due that its owner has not taken on; in
    /// the past when there were more than asked for, none when no other is queued. The end of
    /// somebody else's lease counts as well.
    pub next_due: Option<Timestamp>,
    /// Another one whenever an installed binary of the machine has come, gone or changed: whoever
    /// keeps them in mind sees by it whether that is still what stands there.
    pub binaries: BinariesMark,
}

/// What the installed binaries of a machine are known by as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BinariesMark(Option<(i64, String)>);

impl BinariesMark {
    /// Of this many, and what all of their ids and times of modification add up to: the changes of
    /// two writers are not committed in the order of their times. The default when there is none.
    pub(crate) fn of(count: i64, sum: Option<String>) -> Self {
        Self((count > 0).then(|| (count, sum.unwrap_or_default())))
    }
}

/// A process that was taken on.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Its row as it is now.
    pub process: Process,
    /// The `retry_at` it had: given back with it
    /// ([`ProcessChange::Deferred`](hostledger_model::ProcessChange::Deferred)), it stands
    /// where it stood.
    pub due_at: Timestamp,
}

//! Who takes processes on, as the ledger knows them.

use std::path::PathBuf;

use crate::{MachineId, OwnerId, Timestamp};

/// An owner that other data directories of the same ledger are to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRecord {
    /// Its name in the rows it has taken on.
    pub id: OwnerId,
    /// The host it runs on.
    pub machine_id: MachineId,
    /// Where its lock is; none for one that an earlier version knew, to which every directory was
    /// its own.
    pub place: Option<OwnerPlace>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last said that it lives. Only workers on a server say so more than once.
    pub seen_at: Timestamp,
}

/// A data directory, so that it is not taken for another one of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerPlace {
    /// Its path, on that host.
    pub data_dir: PathBuf,
    /// What stands in its mark, and in no other directory's.
    pub mark: String,
}

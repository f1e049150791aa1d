//! The cgroup of a program, held by its keeper's table.

use std::path::{Path, PathBuf};

use hostledger_keeper::{GroupLease, Slot, Table};
use hostledger_model::ProcessId;
use hostledger_process::GroupHold;

/// A cgroup that belongs to one program for as long as its keeper's table says so.
pub(crate) struct KeptGroup {
    path: PathBuf,
    lease: GroupLease,
}

impl KeptGroup {
    /// The group of a program in its slot, if it has one.
    pub(crate) fn of(table: &Table, slot: Slot, id: ProcessId) -> Option<Box<dyn GroupHold>> {
        // The lease first: a slot gets its next program before its group is counted as used again.
        let lease = table.group_lease(slot)?;
        let entry = table.entry(slot).filter(|entry| entry.id == id)?;
        let path = entry.group?;
        Some(Box::new(Self { path, lease }))
    }
}

impl GroupHold for KeptGroup {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_current(&self) -> bool {
        self.lease.is_current()
    }

    fn condemn(&self) -> bool {
        self.lease.condemn()
    }
}

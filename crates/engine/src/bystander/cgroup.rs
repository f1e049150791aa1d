//! The cgroups of recorded processes.

use std::path::PathBuf;

use hostledger_model::Process;

use super::{Bystander, BystanderError};
use crate::group::KeptGroup;

impl Bystander {
    /// The cgroup that is the process's own, if it was given one and still has it.
    ///
    /// # Errors
    /// The tables of keepers cannot be listed.
    pub fn cgroup(&self, process: &Process) -> Result<Option<PathBuf>, BystanderError> {
        let entry = self.entry_of(process)?;
        let group = entry.and_then(|(table, entry)| KeptGroup::of(&table, entry.slot, process.id));
        let current = group.filter(|group| group.is_current());
        Ok(current.map(|group| group.path().to_owned()))
    }
}

//! History that is old enough to go.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use hostledger_model::{LogPlace, Process, ProcessId, Timestamp};
use hostledger_process::{LogDirectory, ProgramDirectory, Removal, Removed};
use hostledger_store::{Change, Commit, CorruptRow, ProcessFilter};

use super::{Bystander, BystanderError};
use crate::own_directory::script_of;
use crate::{logs, secrets};

/// Processes read at once and deleted in one transaction, so that others are not kept waiting; each
/// can hold some output.
const BATCH: u32 = 256;

/// What was deleted, or would be.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How many processes.
    pub processes: u64,
    /// Their logs.
    pub files: Removed,
    /// How many stay as something that descends from them still runs.
    pub kept: u64,
    /// Rows that cannot be read, which stay.
    pub corrupt: Vec<CorruptRow>,
    /// Those whose files cannot be removed, which stay.
    pub failed: Vec<(ProcessId, BystanderError)>,
}

impl Bystander {
    /// Deletes the processes of this machine that were made and have ended before a time, with
    /// their attempts and logs; those that something running descends from stay. Or only looks
    /// what there is.
    ///
    /// The files of a process go first, then its row: whatever happens in between, no file is left
    /// that no row tells of, and what is left is found the next time.
    ///
    /// # Errors
    /// The rows cannot be read or written.
    pub fn prune(&self, before: Timestamp, removal: Removal) -> Result<Pruned, BystanderError> {
        let alive = self.ancestors_of_running()?;
        let mut pruned = Pruned::default();
        let mut after = None;
        loop {
            let page = self
                .store
                .ended_page(self.machine, before, after.as_ref(), BATCH)?;
            pruned.corrupt.extend(page.rows.corrupt);
            let (kept, old): (Vec<_>, Vec<_>) = page
                .rows
                .records
                .into_iter()
                .partition(|process| alive.contains(&process.id));
            pruned.kept += kept.len() as u64;
            self.prune_batch(old, removal, &mut pruned)?;
            match page.next {
                Some(key) => after = Some(key),
                None => return Ok(pruned),
            }
        }
    }

    fn prune_batch(
        &self,
        mut old: Vec<Process>,
        removal: Removal,
        pruned: &mut Pruned,
    ) -> Result<(), BystanderError> {
        old.retain(|process| match self.remove_files(process, removal) {
            Ok(removed) => {
                pruned.files += removed;
                true
            }
            Err(error) => {
                pruned.failed.push((process.id, error));
                false
            }
        });
        if removal == Removal::Look {
            pruned.processes += old.len() as u64;
            return Ok(());
        }
        let ids = old.iter().map(|process| process.id).collect();
        let change = Change::PruneProcesses(ids);
        let commit = self.store.submit(Timestamp::now(), vec![change]).wait()?;
        if let Commit::Applied(deleted) = commit {
            pruned.processes += deleted.len() as u64;
        }
        for process in &old {
            secrets::forget(&*self.store, &self.data_dir, process);
        }
        Ok(())
    }

    fn remove_files(&self, process: &Process, removal: Removal) -> Result<Removed, BystanderError> {
        let mut places: Vec<LogPlace> = process.log.iter().cloned().collect();
        if process.attempt > 1 {
            let earlier = self.store.attempts(process.id)?;
            places.extend(earlier.into_iter().filter_map(|attempt| attempt.log));
        }
        let mut removed = Removed::default();
        for place in places {
            removed += self.remove_logs(process, &place, removal)?;
        }
        Ok(removed)
    }

    /// Removes the logs of a place, if they are ours to remove: those in the ledger's directory,
    /// and in the directory of a program whose last run this was.
    fn remove_logs(
        &self,
        process: &Process,
        place: &LogPlace,
        removal: Removal,
    ) -> Result<Removed, BystanderError> {
        match place {
            LogPlace::Terminal | LogPlace::Piped => Ok(Removed::default()),
            LogPlace::Files { stem } | LogPlace::Merged { stem } => match logs::own_stem(stem) {
                Some((directory, name)) => {
                    let directory = self.data_dir.join(directory);
                    // One of a binary may have gone with it.
                    if !directory.exists() {
                        return Ok(Removed::default());
                    }
                    Ok(LogDirectory::open(&directory)?.remove(name, removal)?)
                }
                None => Ok(Removed::default()),
            },
            LogPlace::Directory { path } => {
                let directory = Path::new(OsStr::from_bytes(process.working_directory()));
                let script = script_of(process);
                Ok(ProgramDirectory::remove(directory, path, &script, removal)?)
            }
        }
    }

    /// What runs now, and all that it descends from.
    fn ancestors_of_running(&self) -> Result<HashSet<ProcessId>, BystanderError> {
        let running = self.store.processes(&ProcessFilter::running())?;
        let parents: HashSet<_> = running
            .records
            .iter()
            .filter_map(|process| process.parent_id)
            .collect();
        let mut ancestors = parents.clone();
        for parent in parents {
            ancestors.extend(self.store.ancestors(parent)?);
        }
        Ok(ancestors)
    }
}

//! Keeping the ledger true: rows that nobody supervises any more, ids of workers.

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use hostledger_engine::{Cleaned, Pruned};
use hostledger_model::{ProcessType, Timestamp};
use hostledger_process::{Removal, Swept, sweep_pid_files};
use hostledger_store::ProcessFilter;

use crate::{Ledger, LedgerError};

impl Ledger {
    /// Settles the running rows of this machine whose process is gone, and stops what has run
    /// for 30 s longer than its timeout, and workers and hooks whose root has gone unless they
    /// are detached. With `stop` false these are reported and nothing is signalled.
    ///
    /// # Errors
    /// The rows cannot be read. What could not be done for one row stands in the answer, and
    /// keeps no other row from being cleaned.
    pub fn cleanup(&self, stop: bool) -> Result<Cleaned, LedgerError> {
        Ok(self.bystander()?.cleanup(stop)?)
    }

    /// Deletes what has ended and was recorded longer ago than `older_than`, of this machine: rows,
    /// attempts, logs, secrets and what directories are empty then. What runs or is queued stays,
    /// and so does what something running descends from. With `delete` false it is only counted.
    ///
    /// Goes about it in small transactions: others are not kept waiting, and what was done when it
    /// is interrupted is done.
    ///
    /// # Errors
    /// The rows cannot be read or written. Rows whose files cannot be removed stay, and are named
    /// in the answer.
    pub fn prune(&self, older_than: Duration, delete: bool) -> Result<Pruned, LedgerError> {
        let removal = if delete {
            Removal::Remove
        } else {
            Removal::Look
        };
        let age = TimeDelta::from_std(older_than).unwrap_or(TimeDelta::MAX);
        let before = Timestamp::now().saturating_add(-age);
        Ok(self.bystander()?.prune(before, removal)?)
    }

    /// Ends the processes, with their trees, that pid files left by crashed runs still name: the
    /// files below `directory` that fit `pattern`, such as `chrome/*.pid`, and are older than
    /// `min_age`. Only a process that started when the file was made and whose parent is gone.
    ///
    /// # Errors
    /// The directory cannot be read, or the pattern makes no sense.
    pub fn sweep_pid_files(
        &self,
        directory: &Path,
        pattern: &str,
        min_age: Duration,
    ) -> Result<Vec<Swept>, LedgerError> {
        let space = self.space()?;
        Ok(sweep_pid_files(&space, directory, pattern, min_age)?)
    }

    /// How many processes of a kind, or of all, are recorded as running on this machine.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn running_count(&self, process_type: Option<ProcessType>) -> Result<u64, LedgerError> {
        let machine_id = Some(self.current_machine()?.id);
        Ok(self.store().process_count(&ProcessFilter {
            machine_id,
            process_type,
            ..ProcessFilter::running()
        })?)
    }

    /// An id for a worker of this kind that no other worker of the kind has ever had.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn next_worker_id(&self, worker_type: &str) -> Result<u64, LedgerError> {
        Ok(self.store().next_worker_id(worker_type)?)
    }
}

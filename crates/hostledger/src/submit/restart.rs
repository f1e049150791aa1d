//! Work that is done again.

use hostledger_model::{Process, ProcessId, ProcessStatus, Timestamp};

use crate::{Ledger, LedgerError};

impl Ledger {
    /// Queues what an ended process did once more: the same command, directory, variables and
    /// options, as a new process that names the old one
    /// ([`restart_of`](hostledger_model::Process::restart_of)), due at once.
    ///
    /// # Errors
    /// It has not ended, or it had secret variables whose values are kept no longer.
    pub fn restart(&self, id: ProcessId) -> Result<Process, LedgerError> {
        let old = self.process(id)?;
        if old.status != ProcessStatus::Exited {
            return Err(LedgerError::NotEnded {
                id,
                status: old.status,
            });
        }
        let secrets = self.kept_secrets(&old)?;
        let batch = self.batch()?;
        let mut again = old.again(Timestamp::now());
        batch.place(&mut again);
        batch.submit_process(again, secrets)
    }
}

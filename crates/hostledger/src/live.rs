//! What running processes use now.

use hostledger_model::{Process, ProcessStatus};
use hostledger_process::{LiveUsage, Verdict};

use crate::{Ledger, LedgerError};

impl Ledger {
    /// What a process uses now: memory, processor, children, open files. None unless it runs on
    /// this machine and was recorded with its exact identity.
    ///
    /// # Errors
    /// /proc cannot be read.
    pub fn live_usage(&self, process: &Process) -> Result<Option<LiveUsage>, LedgerError> {
        let Some(identity) = &process.identity else {
            return Ok(None);
        };
        if process.status != ProcessStatus::Running {
            return Ok(None);
        }
        let space = self.space()?;
        match space.verify(identity)? {
            Verdict::Alive(held) => Ok(space.live_usage(&held)?),
            Verdict::Zombie(_) | Verdict::Gone | Verdict::OtherBoot | Verdict::OtherNamespace => {
                Ok(None)
            }
        }
    }
}

//! What running processes use now.

use std::path::PathBuf;

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

    /// The cgroup that is the process's own, if it was given one and still has it.
    ///
    /// # Errors
    /// What keepers know cannot be read.
    pub fn cgroup(&self, process: &Process) -> Result<Option<PathBuf>, LedgerError> {
        if self.is_read_only() {
            return Ok(None);
        }
        Ok(self.bystander()?.cgroup(process)?)
    }
}

//! Starting a process of the ledger.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use hostledger_engine::port::{LaunchOrder, OutputPlace, StdinSource};
use hostledger_engine::{BystanderError, lease_end};
use hostledger_model::{Process, ProcessChange, ProcessId, ProcessStatus, Timestamp};
use hostledger_store::Change;
use serde_json::{Map, Value};

use crate::command::{Stdio, environment};
use crate::{Ledger, LedgerError, Running};

impl Ledger {
    /// Runs a queued process now: returns when its program has been executed, or could not be.
    ///
    /// However many try, it is launched once.
    ///
    /// # Errors
    /// It is not queued, somebody else has taken it on, or it cannot be run like this.
    pub fn launch(&self, id: ProcessId) -> Result<Running, LedgerError> {
        let mut process = self.process(id)?;
        let machine = process.machine_id;
        if machine != self.current_machine()?.id {
            return Err(BystanderError::Elsewhere { id, machine }.into());
        }
        if process.status != ProcessStatus::Queued {
            return Err(LedgerError::NotLaunchable { id });
        }
        if let Some(key) = process.secret_env.first() {
            return Err(LedgerError::SecretMissing {
                id,
                key: key.clone(),
            });
        }
        let order = self.order(&process, &Map::new(), Stdio::Logged)?;
        let supervision = self.supervision()?;
        let now = Timestamp::now();
        let claim = ProcessChange::Claimed {
            owner: supervision.owner(),
            lease_until: lease_end(process.timeout_ms, now),
        };
        let change = Change::ChangeProcess {
            id,
            change: claim.clone(),
            owner: None,
        };
        if !self.store().submit(now, vec![change]).wait()?.is_applied() {
            return Err(LedgerError::NotLaunchable { id });
        }
        claim.apply(&mut process, now);
        Ok(Running::start(self.clone(), supervision, process, order))
    }

    /// Records a new process as taken on by us, and runs it.
    pub(crate) fn launch_new(
        &self,
        mut process: Process,
        secrets: &Map<String, Value>,
        stdio: Stdio,
    ) -> Result<Running, LedgerError> {
        let order = self.order(&process, secrets, stdio)?;
        let supervision = self.supervision()?;
        let now = process.created_at;
        process.owner = Some(supervision.owner());
        process.retry_at = Some(lease_end(process.timeout_ms, now));
        let insert = Change::InsertProcess(Box::new(process.clone()));
        self.store().submit(now, vec![insert]).wait()?;
        Ok(Running::start(self.clone(), supervision, process, order))
    }

    /// Everything that is needed to start it, checked as far as that is possible beforehand.
    fn order(
        &self,
        process: &Process,
        secrets: &Map<String, Value>,
        stdio: Stdio,
    ) -> Result<LaunchOrder, LedgerError> {
        let output = match stdio {
            Stdio::Terminal => OutputPlace::Terminal,
            Stdio::Logged | Stdio::LoggedWithStdin => {
                let stem = format!("{}.{}", process.id.simple(), process.attempt);
                OutputPlace::Files {
                    directory: self.writable_data_dir()?.processes(),
                    recorded: format!("processes/{stem}"),
                    stem,
                }
            }
        };
        let stdin = match stdio {
            Stdio::Logged => StdinSource::Null,
            Stdio::LoggedWithStdin | Stdio::Terminal => StdinSource::Inherit,
        };
        let order = LaunchOrder {
            command: process
                .command()
                .into_iter()
                .map(OsString::from_vec)
                .collect(),
            working_directory: OsString::from_vec(process.working_directory().to_vec()).into(),
            environment: environment(process, secrets),
            attributes: process.launch.clone(),
            stdin,
            output,
        };
        order.check()?;
        Ok(order)
    }
}

//! Out of the row of a queued process, what is needed to start it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use hostledger_engine::logs;
use hostledger_engine::port::{
    LaunchOrder, LogFilesPlace, NotStartable, Orders, OutputPlace, StdinSource,
};
use hostledger_model::{Process, ProcessChange, Timestamp, with_causes};
use hostledger_store::Change;

use super::programs::Programs;
use crate::binary::Guard;
use crate::command::{PROCESS_ID, environment_from};
use crate::{BinaryCheck, DataDir, LedgerError, secrets};

/// Not the code of a missing program: it may be there.
const CANNOT_EXECUTE: i32 = 126;

/// Orders for what waits in a ledger.
///
/// It holds no ledger: the ledger's own event loop holds it.
pub(super) struct LedgerOrders {
    pub(super) data_dir: DataDir,
    pub(super) guard: Guard,
    pub(super) programs: Arc<Programs>,
    /// Told of programs that have changed, if anybody wants to know.
    pub(super) changed: Option<Sender<BinaryCheck>>,
    /// What was told.
    pub(super) told: Mutex<BTreeSet<String>>,
}

/// Our own variables, for programs that are started later.
pub(super) fn our_environment() -> Arc<[(OsString, OsString)]> {
    let ours = |(key, _): &(OsString, OsString)| key != OsStr::new(PROCESS_ID);
    std::env::vars_os().filter(ours).collect()
}

impl LedgerOrders {
    fn make(&self, process: &mut Process) -> Result<LaunchOrder, LedgerError> {
        let secrets = secrets::kept(&self.data_dir, process)?;
        let lib_bin = Some(self.data_dir.lib_bin()).filter(|it| it.is_dir());
        let ours = &self.programs.environment;
        let environment = environment_from(ours, process, &secrets, lib_bin.as_deref());
        self.look_at_program(process, &environment)?;
        let command = process.command().into_iter();
        Ok(LaunchOrder {
            command: command.map(OsString::from_vec).collect(),
            working_directory: OsString::from_vec(process.working_directory().to_vec()).into(),
            environment,
            attributes: process.launch.clone(),
            stdin: StdinSource::Null,
            output: OutputPlace::Files(self.place(process)?),
        })
    }

    /// Finds out which recorded program it runs. Where none is recorded there is nothing to do.
    fn look_at_program(
        &self,
        process: &mut Process,
        environment: &[(OsString, OsString)],
    ) -> Result<(), LedgerError> {
        let known = self.programs.known();
        if known.is_empty() {
            return Ok(());
        }
        let said = process.binary_id;
        let changed = self.guard.check(process, environment, &*known)?;
        let binary = process.binary_id;
        if said != binary {
            let uses = Change::ChangeProcess {
                id: process.id,
                change: ProcessChange::Uses { binary },
                owner: process.owner,
            };
            // Written before its start, which is submitted later.
            let submitted = self.programs.store.submit(Timestamp::now(), vec![uses]);
            let id = process.id;
            submitted.notify(move |written| tracing::debug!(%id, ?written, "its program"));
        }
        if let Some(check) = changed {
            self.tell(check);
        }
        Ok(())
    }

    /// Each change is told once.
    fn tell(&self, check: BinaryCheck) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(changed) = &self.changed
            && told.insert(check.to_string())
            && changed.send(check).is_err()
        {
            tracing::debug!("nobody wants to know of changed programs");
        }
    }

    fn place(&self, process: &Process) -> Result<LogFilesPlace, LedgerError> {
        let recorded = logs::place(process);
        let (directory, stem) = logs::files_of(self.data_dir.path(), process, &recorded)
            .ok_or(LedgerError::NoLog { id: process.id })?;
        Ok(LogFilesPlace {
            directory,
            stem,
            recorded,
        })
    }
}

impl Orders for LedgerOrders {
    fn order(&self, process: &mut Process) -> Result<LaunchOrder, NotStartable> {
        self.make(process).map_err(|error| {
            let reason = with_causes(&error);
            match error {
                LedgerError::SecretElsewhere { .. } => NotStartable::Here { reason },
                _ => NotStartable::Ever {
                    exit_code: CANNOT_EXECUTE,
                    reason,
                },
            }
        })
    }
}

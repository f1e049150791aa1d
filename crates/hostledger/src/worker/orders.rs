//! Out of the row of a queued process, what is needed to start it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;

use hostledger_engine::logs;
use hostledger_engine::port::{
    LaunchOrder, LogFilesPlace, NotStartable, Orders, OutputPlace, StdinSource,
};
use hostledger_model::{Process, with_causes};

use crate::command::{PROCESS_ID, environment_from};
use crate::{DataDir, LedgerError, secrets};

/// Not the code of a missing program: it may be there.
const CANNOT_EXECUTE: i32 = 126;

/// Orders for what waits in a ledger.
///
/// It holds no ledger: the ledger's own event loop holds it.
pub(super) struct LedgerOrders {
    data_dir: DataDir,
    /// Ours, as it was when the work began.
    environment: Vec<(OsString, OsString)>,
}

impl LedgerOrders {
    pub(super) fn new(data_dir: DataDir) -> Self {
        let ours = |(key, _): &(OsString, OsString)| key != OsStr::new(PROCESS_ID);
        Self {
            data_dir,
            environment: std::env::vars_os().filter(ours).collect(),
        }
    }

    fn make(&self, process: &Process) -> Result<LaunchOrder, LedgerError> {
        let secrets = secrets::kept(self.data_dir.path(), process)?;
        let command = process.command().into_iter();
        let lib_bin = Some(self.data_dir.lib_bin()).filter(|it| it.is_dir());
        Ok(LaunchOrder {
            command: command.map(OsString::from_vec).collect(),
            working_directory: OsString::from_vec(process.working_directory().to_vec()).into(),
            environment: environment_from(&self.environment, process, &secrets, lib_bin.as_deref()),
            attributes: process.launch.clone(),
            stdin: StdinSource::Null,
            output: OutputPlace::Files(self.place(process)?),
        })
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
    fn order(&self, process: &Process) -> Result<LaunchOrder, NotStartable> {
        self.make(process).map_err(|error| NotStartable {
            exit_code: CANNOT_EXECUTE,
            reason: with_causes(&error),
        })
    }
}

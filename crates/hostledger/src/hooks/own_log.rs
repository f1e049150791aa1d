//! Whose the log of a hook is, when several runs of it are in one directory.

use std::path::Path;

use hostledger_engine::logs::log_files;
use hostledger_install::hooks::{Hook, LogBegin};
use hostledger_model::{ProcessStatus, ProcessType};
use hostledger_process::ProgramDirectory;
use hostledger_store::ProcessFilter;

use crate::{Ledger, LedgerError};

/// The directory of a hook's log, kept from other runs of the hook until this is dropped.
pub(super) struct OwnLog {
    _directory: ProgramDirectory,
    pub(super) begin: LogBegin,
}

impl OwnLog {
    /// None when another run of the hook writes there: one that we or others wait for, or one that
    /// has outlived whoever did.
    pub(super) fn take(
        ledger: &Ledger,
        working_directory: &Path,
        hook: &Hook,
    ) -> Result<Option<Self>, LedgerError> {
        let path = format!(".hooks/{}", hook.name);
        let directory = ProgramDirectory::create(working_directory, &path)?;
        if !directory.try_lock().map_err(LedgerError::Descriptors)? {
            return Ok(None);
        }
        if is_written_to(ledger, &working_directory.join(&path))? {
            return Ok(None);
        }
        Ok(Some(Self {
            _directory: directory,
            begin: LogBegin::now(working_directory, hook),
        }))
    }
}

/// Whether a hook that runs has its logs there.
fn is_written_to(ledger: &Ledger, directory: &Path) -> Result<bool, LedgerError> {
    let data_dir = ledger.writable_data_dir()?.path();
    let running = ProcessFilter {
        status: Some(ProcessStatus::Running),
        process_type: Some(ProcessType::Hook),
        machine_id: Some(ledger.current_machine()?.id),
        ..ProcessFilter::default()
    };
    let running = ledger.store().processes(&running)?;
    let logs = |process| log_files(data_dir, process).map(|(logs, _)| logs);
    Ok(running
        .records
        .iter()
        .any(|it| logs(it).as_deref() == Some(directory)))
}

//! What a driver that died has left running.

use std::path::Path;
use std::time::Duration;

use hostledger_install::Request;
use hostledger_model::{Process, ProcessStatus, ProcessType, StopRequest, Timestamp};
use hostledger_process::Signal;
use hostledger_store::ProcessFilter;

use super::InstallError;
use crate::bystander::Bystander;
use crate::logs::log_files;

/// How long the programs of a dead driver have to end.
const GRACE: Duration = Duration::from_secs(2);

/// Ends programs that were run for a request and still run, with all that they have started: they
/// would trip over those that are to be run now.
pub(super) fn end(bystander: &Bystander, request: &Request<'_>) -> Result<(), InstallError> {
    let directory = request.own_directory();
    for process_type in [ProcessType::Binary, ProcessType::Hook] {
        let running = ProcessFilter {
            status: Some(ProcessStatus::Running),
            process_type: Some(process_type),
            machine_id: Some(bystander.machine),
            ..ProcessFilter::default()
        };
        let rows = bystander.store.processes(&running)?.complete()?;
        let ours: Vec<Process> = rows
            .into_iter()
            .filter(|process| is_below(&bystander.data_dir, process, &directory))
            .collect();
        if ours.is_empty() {
            continue;
        }
        let stop = StopRequest {
            at: Timestamp::now(),
            by: "who takes an installation over".to_owned(),
            signal: Signal::TERM.number(),
        };
        for stopped in bystander.stop_all(ours, &stop, Signal::TERM, None, GRACE)? {
            stopped?;
        }
    }
    Ok(())
}

/// Whether the logs of a process are those of a request.
fn is_below(data_dir: &Path, process: &Process, directory: &Path) -> bool {
    log_files(data_dir, process).is_some_and(|(logs, _)| logs.starts_with(directory))
}

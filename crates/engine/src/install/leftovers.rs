//! What a driver that died has left running.

use std::path::{Component, Path};
use std::time::Duration;

use hostledger_install::Request;
use hostledger_model::{Process, ProcessStatus, ProcessType, StopRequest, Timestamp};
use hostledger_process::Signal;
use hostledger_store::ProcessFilter;

use super::InstallError;
use crate::bystander::{Bystander, BystanderError};
use crate::logs::log_files;
use crate::owner::Owner;

/// How long the programs of a dead driver have to end.
const GRACE: Duration = Duration::from_secs(2);

/// Ends programs that were run for a request and still run, with all that they have started: they
/// would trip over those that are to be run now.
pub(super) fn end(bystander: &Bystander, request: &Request<'_>) -> Result<(), InstallError> {
    let directory = request.own_directory();
    end_those(bystander, |process| {
        Ok(is_below(&bystander.data_dir, process, &directory))
    })
}

/// Ends programs that drivers who are dead have left running for a provider, whatever they were to
/// install: for a provider that must not run twice in one place, and has made sure that nobody who
/// is alive runs there.
///
/// # Errors
/// They cannot be found or ended.
pub fn end_orphans(bystander: &Bystander, provider: &str) -> Result<(), InstallError> {
    let machines = bystander.data_dir.join("machines");
    end_those(bystander, |process| {
        let logs = log_files(&bystander.data_dir, process);
        let is_its = logs.is_some_and(|(logs, _)| {
            logs.strip_prefix(&machines)
                .is_ok_and(|below| below.components().nth(4) == Some(part(provider)))
        });
        let Some(owner) = process.owner.filter(|_| is_its) else {
            return Ok(is_its);
        };
        Ok(!Owner::is_alive(&bystander.owners, owner).map_err(BystanderError::from)?)
    })
}

/// `<machine>/binaries/<name>/<binary>/<provider>`.
fn part(provider: &str) -> Component<'_> {
    Component::Normal(provider.as_ref())
}

fn end_those(
    bystander: &Bystander,
    mut is_meant: impl FnMut(&Process) -> Result<bool, InstallError>,
) -> Result<(), InstallError> {
    for process_type in [ProcessType::Binary, ProcessType::Hook] {
        let running = ProcessFilter {
            status: Some(ProcessStatus::Running),
            process_type: Some(process_type),
            machine_id: Some(bystander.machine),
            ..ProcessFilter::default()
        };
        let mut ours = Vec::new();
        for process in bystander.store.processes(&running)?.complete()? {
            if is_meant(&process)? {
                ours.push(process);
            }
        }
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

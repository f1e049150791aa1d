//! What a driver that died has left running.

use std::error::Error;
use std::path::{Component, Path};
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
/// would trip over those that are to be run now. Whoever ran them is dead, and may have had another
/// data directory.
pub(super) fn end(bystander: &Bystander, request: &Request<'_>) -> Result<(), InstallError> {
    let directory = request.own_directory();
    let below = directory.strip_prefix(&bystander.data_dir);
    let below = below.unwrap_or(&directory);
    end_those(bystander, |home, process| {
        log_files(home, process).is_some_and(|(logs, _)| logs.starts_with(home.join(below)))
    })
}

/// Ends programs that drivers who are dead have left running for a provider in our data directory,
/// whatever they were to install: for a provider that must not run twice in one place, and has made
/// sure that nobody who is alive runs there.
///
/// # Errors
/// They cannot be found or ended.
pub fn end_orphans(bystander: &Bystander, provider: &str) -> Result<(), InstallError> {
    end_those(bystander, |home, process| {
        let logs = log_files(home, process).filter(|_| *home == bystander.data_dir);
        logs.is_some_and(|(logs, _)| {
            logs.strip_prefix(home.join("machines"))
                .is_ok_and(|below| below.components().nth(4) == Some(part(provider)))
        })
    })
}

/// `<machine>/binaries/<name>/<binary>/<provider>`.
fn part(provider: &str) -> Component<'_> {
    Component::Normal(provider.as_ref())
}

/// Ends the programs of dead drivers that are meant, of which each is shown with the data directory
/// it was run from.
fn end_those(
    bystander: &Bystander,
    is_meant: impl Fn(&Path, &Process) -> bool,
) -> Result<(), InstallError> {
    for process_type in [ProcessType::Binary, ProcessType::Hook] {
        let running = ProcessFilter {
            status: Some(ProcessStatus::Running),
            process_type: Some(process_type),
            machine_id: Some(bystander.machine),
            ..ProcessFilter::default()
        };
        let mut ours = Vec::new();
        let rows = bystander.store.processes(&running)?;
        for row in rows.corrupt {
            let error = &row as &dyn Error;
            tracing::warn!(error, "whether it is left of an installation is not known");
        }
        for process in rows.records {
            let home = bystander.at_home_of(process.owner)?;
            if is_meant(&home.data_dir, &process) && !bystander.is_owned(&process)? {
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

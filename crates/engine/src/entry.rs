//! What a keeper's table says of a program, as the state machine is told of it.

use hostledger_keeper::{Entry, State, Table};
use hostledger_lifecycle::process::{Event, Exit};
use hostledger_model::{LogPlace, ProcessIdentity, StopRequest, Termination, Timestamp};
use hostledger_process::{Launch, PidSpace, Pidfd, start_time};
use hostledger_sys::EndStatus;

use crate::logs::LogOf;

/// Who the program of an entry is; none when it has not been started.
pub(crate) fn identity(entry: &Entry, table: &Table, space: &PidSpace) -> Option<ProcessIdentity> {
    Some(ProcessIdentity {
        boot_id: table.boot_id(),
        pid_namespace: table.pid_namespace(),
        pid: entry.pid?,
        start_ticks: entry.start_ticks?,
        pidfd_inode: entry.pidfd_inode.filter(|_| space.means().pidfs),
    })
}

pub(crate) fn spawned(identity: ProcessIdentity, log: LogPlace) -> Event {
    Event::Spawned {
        started_at: start_time(identity.start_ticks),
        identity,
        log,
    }
}

/// That the program of an entry was not executed, with the reason in the words of its launch.
pub(crate) fn failed(entry: &Entry, launch: Option<&Launch>) -> Event {
    let Some(failure) = entry.failure else {
        return not_executed("its keeper could not start it".to_owned());
    };
    match launch {
        Some(launch) => {
            let error = launch.explain(failure);
            Event::SpawnFailed {
                exit_code: error.exit_code().into(),
                reason: hostledger_model::with_causes(&error),
            }
        }
        None => not_executed(hostledger_model::with_causes(&failure)),
    }
}

fn not_executed(reason: String) -> Event {
    Event::SpawnFailed {
        exit_code: 126,
        reason,
    }
}

/// Whether a process ended before it was about to execute its program: whatever ended it, nothing
/// of the program ever ran.
pub(crate) fn never_ran(entry: &Entry) -> bool {
    entry.state == State::Ended && entry.start_ticks.is_none()
}

pub(crate) fn killed_at_birth() -> Event {
    not_executed("it was killed before its program was executed".to_owned())
}

/// How the program of an entry ended, by its keeper's account; when that is damaged, by what the
/// kernel tells of the process that is held.
pub(crate) fn ended(entry: &Entry, log: &LogOf, space: &PidSpace, held: Option<&Pidfd>) -> Event {
    match &entry.end {
        Some(Ok(end)) => Event::Exited(Exit {
            at: end.at,
            termination: termination(end.status),
            usage: Some(end.usage),
            output: log.read(end.dropped, end.empty),
            stopped: entry
                .stop
                .map(|(at, signal)| StopRequest::timeout(at, signal)),
        }),
        Some(Err(_)) | None => match held.and_then(|pidfd| space.exit_of(pidfd)) {
            Some(termination) => Event::Exited(Exit {
                at: Timestamp::now(),
                termination,
                usage: None,
                output: log.read([0; 2], [false; 2]),
                stopped: entry
                    .stop
                    .map(|(at, signal)| StopRequest::timeout(at, signal)),
            }),
            None => Event::Lost,
        },
    }
}

fn termination(status: EndStatus) -> Termination {
    match status {
        EndStatus::Exited(code) => Termination::Exited(code),
        EndStatus::Signaled(signal) => Termination::Signaled(signal.into()),
    }
}

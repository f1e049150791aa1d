//! Rows that are recorded as running and are not, or should no longer be.

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use hostledger_model::{Process, ProcessId, ProcessStatus, StopRequest, Timestamp};
use hostledger_process::{Hierarchy, Signal};
use hostledger_store::{CorruptRow, ProcessFilter};

use super::stop::{StopReport, Stopped};
use super::{Bystander, BystanderError, Replayed, Whereabouts};
use crate::age::age;
use crate::owner::Owner;
use crate::secrets;

/// How long past its timeout a process is left to its supervisor.
const OVERDUE: TimeDelta = TimeDelta::seconds(30);
/// Between SIGTERM and SIGKILL of what is stopped here.
const GRACE: Duration = Duration::from_secs(2);

/// What our cgroups are called, and how long one, or a file of secrets, stands unused before it is
/// left behind.
const POOL_PREFIX: &str = "hostledger-";
const UNUSED: Duration = Duration::from_secs(60 * 60);

/// What a clean-up did, or would do.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// What keepers had seen and nobody had written down.
    pub replayed: Replayed,
    /// How many rows had an exit code of -1, by which older writers meant 137.
    pub mended: usize,
    /// Rows whose process was gone: their end is written down.
    pub settled: Vec<Process>,
    /// Processes that have run for longer than they may, by more than 30 s.
    pub overdue: Vec<CleanedRow>,
    /// Workers and hooks whose root has gone.
    pub orphans: Vec<CleanedRow>,
    /// Rows that cannot be read: none of them keeps the others from being cleaned.
    pub corrupt: Vec<CorruptRow>,
    /// What could not be done.
    pub failed: Vec<(ProcessId, BystanderError)>,
}

/// A process that should not run any more.
#[derive(Debug)]
pub struct CleanedRow {
    /// Its row, as it was found.
    pub process: Process,
    /// What came of stopping it; none when it was only to be reported.
    pub stopped: Option<StopReport>,
}

impl Bystander {
    /// Settles the running rows of this machine whose process is gone, and stops what has run
    /// for 30 s longer than it may and workers and hooks whose root has gone; with `stop` false
    /// these are only reported.
    ///
    /// A row that cannot be dealt with keeps no other from it.
    ///
    /// # Errors
    /// The rows cannot be read, or the tables of keepers not be listed.
    pub fn cleanup(&self, stop: bool) -> Result<Cleaned, BystanderError> {
        let mut cleaned = Cleaned {
            replayed: self.replay()?,
            mended: self.store.mend_exit_codes(Timestamp::now())?,
            ..Cleaned::default()
        };
        self.sweep_groups();
        let mut overdue = Vec::new();
        let rows = self.store.processes(&ProcessFilter {
            machine_id: Some(self.machine),
            ..ProcessFilter::running()
        })?;
        cleaned.corrupt = rows.corrupt;
        for process in self.store.claimed(self.machine, Timestamp::now())?.records {
            match self.settle_unstarted(&process) {
                Ok(true) => cleaned.settled.push(self.process(process.id)?),
                Ok(false) => {}
                Err(error) => cleaned.failed.push((process.id, error)),
            }
        }
        Owner::sweep(&self.owners)?;
        self.forget_owners()?;
        secrets::sweep(&*self.store, &self.data_dir, self.machine, UNUSED);
        for process in rows.records {
            match self.look_at(&process) {
                Ok(Found::Settled(process)) => cleaned.settled.push(*process),
                Ok(Found::Overdue) => overdue.push(process),
                Ok(Found::Fine) => {}
                Err(error) => cleaned.failed.push((process.id, error)),
            }
        }
        cleaned.overdue = self.put_an_end_to(overdue, stop, &mut cleaned.failed, |at| {
            StopRequest::timeout(at, Signal::TERM.number())
        })?;
        let orphans = self.orphans(&mut cleaned.failed)?;
        cleaned.orphans =
            self.put_an_end_to(orphans, stop, &mut cleaned.failed, |at| StopRequest {
                at,
                by: "cleanup: its root has gone".to_owned(),
                signal: Signal::TERM.number(),
            })?;
        Ok(cleaned)
    }

    /// Removes cgroups whose launchers were killed before they used them. That they stay is no
    /// harm.
    fn sweep_groups(&self) {
        let swept = Hierarchy::find(Path::new("/"), self.space.means())
            .ok()
            .map(|hierarchy| hierarchy.sweep(POOL_PREFIX, UNUSED));
        tracing::debug!(?swept, "cgroups that nobody uses");
    }

    fn look_at(&self, process: &Process) -> Result<Found, BystanderError> {
        let now = Timestamp::now();
        let lease_is_over = process.retry_at.is_none_or(|until| until <= now);
        let settled = match self.find(process)? {
            Whereabouts::Held(pidfd) => {
                if !pidfd
                    .wait_ended(Some(Duration::ZERO))
                    .map_err(BystanderError::Wait)?
                {
                    return Ok(if is_overdue(process, now) {
                        Found::Overdue
                    } else {
                        Found::Fine
                    });
                }
                self.settle_unowned(process, Some(&pidfd))?
            }
            Whereabouts::Gone => self.settle_unowned(process, None)?,
            // Its owner may live where we cannot see its lock: its lease counts as well. One that
            // says that it lives keeps it beyond that.
            Whereabouts::OtherNamespace if lease_is_over && !self.is_owned(process)? => {
                self.settle_lost(process)?;
                true
            }
            Whereabouts::OtherNamespace => {
                !self.is_kept(process)? && self.settle_unowned(process, None)?
            }
            Whereabouts::Elsewhere | Whereabouts::Unknown => false,
        };
        let latest = self.process(process.id)?;
        Ok(if settled && latest.status == ProcessStatus::Exited {
            Found::Settled(Box::new(latest))
        } else {
            Found::Fine
        })
    }

    fn put_an_end_to(
        &self,
        processes: Vec<Process>,
        stop: bool,
        failed: &mut Vec<(ProcessId, BystanderError)>,
        request: impl Fn(Timestamp) -> StopRequest,
    ) -> Result<Vec<CleanedRow>, BystanderError> {
        let reports: Vec<Option<StopReport>> = if stop {
            let request = request(Timestamp::now());
            let ids: Vec<ProcessId> = processes.iter().map(|process| process.id).collect();
            let reports = self.stop_all(processes.clone(), &request, Signal::TERM, None, GRACE)?;
            let reports = ids.into_iter().zip(reports);
            reports
                .map(|(id, report)| report.map_err(|error| failed.push((id, error))).ok())
                .collect()
        } else {
            processes.iter().map(|_| None).collect()
        };
        Ok(processes
            .into_iter()
            .zip(reports)
            .map(|(process, stopped)| CleanedRow { process, stopped })
            .collect())
    }
}

impl CleanedRow {
    /// Whether it has ended, as far as that was wanted.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        let stopped = self.stopped.as_ref().map(|report| report.stopped);
        stopped.is_some_and(|stopped| stopped != Stopped::Survived)
    }
}

/// What was found of a running row.
enum Found {
    /// All is as it should be, or it is not ours to say.
    Fine,
    /// Its process was gone; the row as it is settled.
    Settled(Box<Process>),
    /// It should have been stopped.
    Overdue,
}

/// Whether a process has run for longer than it may, and its supervisor has let it.
fn is_overdue(process: &Process, now: Timestamp) -> bool {
    let limit = process.timeout_ms.and_then(|millis| {
        let limit = TimeDelta::try_milliseconds(i64::try_from(millis).ok()?)?;
        limit.checked_add(&OVERDUE)
    });
    limit.is_some_and(|limit| age(process, now).is_some_and(|age| age > limit))
}

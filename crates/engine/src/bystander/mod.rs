//! Processes that somebody else supervises, or nobody any more.
//!
//! A bystander is neither parent nor owner. It can wait for an end and ask for one, always
//! through a pidfd that was opened before the identity was compared; and when the owner is dead
//! it writes down what its keeper saw of the end, else what the kernel tells, else that nobody
//! saw it.

mod cancel;
mod cgroup;
mod cleanup;
mod decide;
mod error;
mod inherit;
mod orphans;
mod prune;
mod replay;
mod settle;
mod standing;
mod stop;
mod tables;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hostledger_model::{MachineId, Pid, Process, ProcessId, ProcessStatus, Timestamp};
use hostledger_process::{ForeignRow, PidSpace, Pidfd, Verdict, wait_ended};
use hostledger_store::Store;

pub(crate) use decide::uses;
pub(crate) use inherit::Inheritance;

pub use cancel::Cancelled;
pub use cleanup::{Cleaned, CleanedRow};
pub use error::BystanderError;
pub use prune::Pruned;
pub use replay::Replayed;
pub use standing::Standing;
pub use stop::{StopReport, Stopped};

/// How often a row is looked at whose change nothing else announces.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits for and stops processes of a ledger without supervising them.
#[derive(Clone)]
pub struct Bystander {
    /// The rows.
    pub store: Arc<dyn Store>,
    /// Where owners keep their locks.
    pub owners: PathBuf,
    /// Where keepers keep their tables.
    pub keepers: PathBuf,
    /// The ledger's directory, to which places of logs are relative.
    pub data_dir: PathBuf,
    /// The data directory of owners that say nothing of themselves: the one that the database lies
    /// in, if it lies in one.
    pub home: Option<PathBuf>,
    /// The host we are on.
    pub machine: MachineId,
    /// Where we are among its processes.
    pub space: PidSpace,
}

/// Where the live process of a row is.
enum Whereabouts {
    /// Here, alive or not yet reaped.
    Held(Pidfd),
    /// Nowhere any more.
    Gone,
    /// In another pid namespace of this machine, or in one that is no more.
    OtherNamespace,
    /// On another machine.
    Elsewhere,
    /// Not to be known: recorded without pid or start time.
    Unknown,
}

impl Bystander {
    /// Waits until the end of a process is written down; none when `timeout` has passed before.
    ///
    /// # Errors
    /// See [`BystanderError`].
    pub fn wait(
        &self,
        id: ProcessId,
        timeout: Option<Duration>,
    ) -> Result<Option<Process>, BystanderError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let process = self.process(id)?;
            let settled = match process.status {
                ProcessStatus::Exited => return Ok(Some(process)),
                ProcessStatus::Queued => self.settle_unstarted(&process)?,
                ProcessStatus::Running => match self.find(&process)? {
                    Whereabouts::Held(pidfd) => {
                        if !wait_ended(&pidfd, deadline.map(left_until))? {
                            return Ok(None);
                        }
                        self.settle_unowned(&process, Some(&pidfd))?
                    }
                    Whereabouts::Gone | Whereabouts::OtherNamespace => {
                        self.settle_unowned(&process, None)?
                    }
                    Whereabouts::Elsewhere | Whereabouts::Unknown => false,
                },
            };
            if !settled && !sleep_until_look(deadline) {
                return Ok(None);
            }
        }
    }

    /// Waits until the start of a process is written down, or its end without one; none when
    /// `timeout` has passed before.
    ///
    /// # Errors
    /// See [`BystanderError`].
    pub fn wait_started(
        &self,
        id: ProcessId,
        timeout: Option<Duration>,
    ) -> Result<Option<Process>, BystanderError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let process = self.process(id)?;
            if process.status != ProcessStatus::Queued {
                return Ok(Some(process));
            }
            if !self.settle_unstarted(&process)? && !sleep_until_look(deadline) {
                return Ok(None);
            }
        }
    }

    fn process(&self, id: ProcessId) -> Result<Process, BystanderError> {
        self.store
            .process(id)?
            .ok_or(BystanderError::Missing { id })
    }

    fn find(&self, process: &Process) -> Result<Whereabouts, BystanderError> {
        if process.machine_id != self.machine {
            return Ok(Whereabouts::Elsewhere);
        }
        let verdict = match (&process.identity, process.pid, process.started_at) {
            (Some(identity), _, _) => self.space.verify(identity)?,
            (None, Some(pid), Some(started_at)) => {
                let row = ForeignRow {
                    pid,
                    started_at,
                    command: &process.cmd,
                    parent: self.pid_of_parent(process)?,
                };
                self.space.match_foreign(&row, Timestamp::now())?
            }
            (None, _, _) => return Ok(Whereabouts::Unknown),
        };
        Ok(match verdict {
            Verdict::Alive(pidfd) | Verdict::Zombie(pidfd) => Whereabouts::Held(pidfd),
            Verdict::Gone | Verdict::OtherBoot => Whereabouts::Gone,
            Verdict::OtherNamespace => Whereabouts::OtherNamespace,
        })
    }

    fn pid_of_parent(&self, process: &Process) -> Result<Option<Pid>, BystanderError> {
        let Some(parent) = process.parent_id else {
            return Ok(None);
        };
        Ok(self.store.process(parent)?.and_then(|parent| parent.pid))
    }
}

fn left_until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Sleeps for a moment; false when the deadline has passed.
fn sleep_until_look(deadline: Option<Instant>) -> bool {
    let left = deadline.map_or(LOOK_AGAIN, left_until);
    thread::sleep(left.min(LOOK_AGAIN));
    !left.is_zero()
}

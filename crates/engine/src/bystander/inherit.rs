//! What a dead owner has left: given back, settled, or still running.

use std::time::Duration;

use hostledger_keeper::State;
use hostledger_model::{OwnerId, Process, ProcessChange, ProcessStatus, StopRequest, Timestamp};
use hostledger_process::{Pidfd, Signal};
use hostledger_store::Change;

use super::{Bystander, BystanderError, Standing, Whereabouts};

/// Between SIGTERM and SIGKILL of what is stopped here.
const GRACE: Duration = Duration::from_secs(5);

/// What is known of the processes of an owner.
pub(crate) enum Inheritance {
    /// Nothing is to be inherited yet: it lives, or nobody knows.
    Alive,
    /// It is dead.
    Dead {
        /// Those that run on, each with what tells of its end.
        running: Vec<(Process, Pidfd)>,
        /// Whether something is still open that will be known in a moment, such as a start that
        /// its keeper is about.
        open: bool,
    },
}

/// What became of one row.
enum Heir {
    Settled,
    Open,
    Running(Pidfd),
}

impl Bystander {
    /// Everybody who has taken on something of this machine, is dead, and is not `own`; and those of
    /// whom that cannot be known just now: who takes over from one asks again.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub(crate) fn dead_owners(&self, own: OwnerId) -> Result<Vec<OwnerId>, BystanderError> {
        let mut dead = Vec::new();
        for owner in self.store.owners(self.machine)? {
            let may_be_dead = || {
                !matches!(
                    self.standing(owner),
                    Ok(Standing::Alive | Standing::Unknown)
                )
            };
            if owner != own && may_be_dead() {
                dead.push(owner);
            }
        }
        Ok(dead)
    }

    /// Writes down how what a dead owner had has ended, and gives back what it had not started.
    ///
    /// # Errors
    /// The rows cannot be read or written.
    pub(crate) fn inherit(&self, owner: OwnerId) -> Result<Inheritance, BystanderError> {
        if self.standing(owner)? != Standing::Dead {
            return Ok(Inheritance::Alive);
        }
        self.at_home_of(Some(owner))?.inherit_dead(owner)
    }

    fn inherit_dead(&self, owner: OwnerId) -> Result<Inheritance, BystanderError> {
        // From here on none of its keepers starts anything.
        self.replay()?;
        let (mut running, mut open) = (Vec::new(), false);
        for process in self.store.owned(self.machine, owner)?.records {
            let heir = match process.status {
                ProcessStatus::Queued => self.give_back(&process, owner)?,
                ProcessStatus::Running => self.inherit_running(&process)?,
                ProcessStatus::Exited => Heir::Settled,
            };
            match heir {
                Heir::Settled => {}
                Heir::Open => open = true,
                Heir::Running(pidfd) => running.push((process, pidfd)),
            }
        }
        Ok(Inheritance::Dead { running, open })
    }

    /// A row that was claimed and not started is due again, before those that came after it.
    fn give_back(&self, process: &Process, owner: OwnerId) -> Result<Heir, BystanderError> {
        let entry = self.entry_of(process)?;
        if entry.is_some_and(|(_, entry)| entry.state != State::Settled) {
            return Ok(Heir::Open);
        }
        if self.settle_unstarted(process)? {
            return Ok(Heir::Settled);
        }
        let change = Change::ChangeProcess {
            id: process.id,
            change: ProcessChange::Deferred {
                retry_at: process.created_at,
            },
            owner: Some(owner),
        };
        // Refused when somebody else has done so meanwhile, which is as good.
        self.store.submit(Timestamp::now(), vec![change]).wait()?;
        Ok(Heir::Settled)
    }

    fn inherit_running(&self, process: &Process) -> Result<Heir, BystanderError> {
        let settled = match self.find(process)? {
            Whereabouts::Held(pidfd) if !has_ended(&pidfd)? => return Ok(Heir::Running(pidfd)),
            Whereabouts::Held(pidfd) => self.settle_unowned(process, Some(&pidfd))?,
            Whereabouts::Gone => self.settle_unowned(process, None)?,
            // Only `cleanup` says that nobody will know, when its lease is over.
            Whereabouts::OtherNamespace | Whereabouts::Elsewhere | Whereabouts::Unknown => true,
        };
        Ok(if settled { Heir::Settled } else { Heir::Open })
    }

    /// Writes down the end of a process that ran on when its owner had died.
    ///
    /// # Errors
    /// The row cannot be read or written.
    pub(crate) fn settle_inherited(
        &self,
        process: &Process,
        pidfd: &Pidfd,
    ) -> Result<(), BystanderError> {
        self.settle_unowned(process, Some(pidfd)).map(drop)
    }

    /// Stops processes whose time is up and whose supervisors have gone.
    ///
    /// # Errors
    /// Our own ancestors cannot be learnt; nothing is stopped then.
    pub(crate) fn stop_overdue(&self, processes: Vec<Process>) -> Result<(), BystanderError> {
        let request = StopRequest::timeout(Timestamp::now(), Signal::TERM.number());
        for report in self.stop_all(processes, &request, Signal::TERM, None, GRACE)? {
            if let Err(error) = report {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a process whose time is up was not stopped");
            }
        }
        Ok(())
    }
}

fn has_ended(pidfd: &Pidfd) -> Result<bool, BystanderError> {
    pidfd
        .wait_ended(Some(Duration::ZERO))
        .map_err(BystanderError::Wait)
}

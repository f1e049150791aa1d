//! Processes that somebody else supervises, or nobody any more.
//!
//! A bystander is neither parent nor owner. It can wait for an end and ask for one, always
//! through a pidfd that was opened before the identity was compared; and when the owner is dead
//! it writes down what it saw of the end, or that nobody saw it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hostledger_lifecycle::process::{Context, Effect, Event, Exit, handle};
use hostledger_model::{
    KillMode, MachineId, OwnerId, Process, ProcessChange, ProcessId, ProcessStatus, StopRequest,
    Termination, Timestamp,
};
use hostledger_process::{
    GroupSignalError, IdentityError, PidSpace, PidSpaceError, Pidfd, Signal, SignalError, Verdict,
    exit_of, send_signal, wait_ended,
};
use hostledger_store::{Change, Store, StoreError};

use crate::logs;
use crate::owner::{Owner, OwnerError};

/// How often a row is looked at whose change nothing else announces.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long an orphan that has ended may stay a zombie.
const UNTIL_REAPED: Duration = Duration::from_secs(1);

/// Waits for and stops processes of a ledger without supervising them.
#[derive(Clone)]
pub struct Bystander {
    /// The rows.
    pub store: Arc<dyn Store>,
    /// Where owners keep their locks.
    pub owners: PathBuf,
    /// The ledger's directory, to which places of logs are relative.
    pub data_dir: PathBuf,
    /// The host we are on.
    pub machine: MachineId,
}

/// Why a process could not be waited for or stopped.
#[derive(Debug, thiserror::Error)]
pub enum BystanderError {
    /// There is no such process, or no longer.
    #[error("there is no process {id} in the ledger")]
    Missing {
        /// Its id.
        id: ProcessId,
    },
    /// It runs on another machine: its pid means nothing here.
    #[error("process {id} runs on another machine, {machine}")]
    Elsewhere {
        /// Its id.
        id: ProcessId,
        /// The machine.
        machine: MachineId,
    },
    /// It runs in another pid namespace: its pid means nothing here.
    #[error("process {id} runs in another pid namespace (container)")]
    OtherNamespace {
        /// Its id.
        id: ProcessId,
    },
    /// Its row says too little to be sure which live process it is.
    #[error("process {id} was recorded without its exact identity")]
    Unidentified {
        /// Its id.
        id: ProcessId,
    },
    /// It has not been started.
    #[error("process {id} is queued and has not been started")]
    NotStarted {
        /// Its id.
        id: ProcessId,
    },
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be found among the live ones.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// It cannot be learnt where we are.
    #[error(transparent)]
    PidSpace(#[from] PidSpaceError),
    /// Its owner's lock cannot be looked at.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// It cannot be signalled.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// It cannot be asked after.
    #[error("cannot tell whether a process has been reaped")]
    Wait(#[source] io::Error),
}

/// What a stop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It had ended before.
    AlreadyEnded,
    /// It ended by itself within the grace.
    Ended,
    /// It had to be killed.
    Killed,
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
            let pidfd = match process.status {
                ProcessStatus::Exited => return Ok(Some(process)),
                ProcessStatus::Queued => None,
                ProcessStatus::Running => match self.find(&process)? {
                    Whereabouts::Held(pidfd) => {
                        if !self.wait_pidfd(&pidfd, deadline)? {
                            return Ok(None);
                        }
                        Some(pidfd)
                    }
                    Whereabouts::Gone => None,
                    Whereabouts::OutOfSight => {
                        if !sleep_until_look(deadline) {
                            return Ok(None);
                        }
                        continue;
                    }
                },
            };
            if process.status == ProcessStatus::Running && !self.is_owned(&process)? {
                // The owner may have written the end down in its last moment.
                let latest = self.process(id)?;
                if latest.status == ProcessStatus::Running {
                    self.settle(&latest, pidfd.as_ref())?;
                }
                continue;
            }
            if !sleep_until_look(deadline) {
                return Ok(None);
            }
        }
    }

    /// Stores a request to stop, sends its signal, and SIGKILL when `grace` has passed.
    ///
    /// Without `grace` it returns when the signal is sent. The row changes when the process
    /// ends, not when it is signalled.
    ///
    /// # Errors
    /// See [`BystanderError`]; nothing is sent to a process that is not certain to be the one.
    pub fn stop(
        &self,
        id: ProcessId,
        request: StopRequest,
        signal: Signal,
        grace: Option<Duration>,
    ) -> Result<Stopped, BystanderError> {
        let process = self.process(id)?;
        let Some(pidfd) = self.hold(&process)? else {
            return Ok(Stopped::AlreadyEnded);
        };
        self.request_stop(id, request)?;
        if !signal_scope(&pidfd, signal, process.kill_mode)? {
            return Ok(Stopped::AlreadyEnded);
        }
        let Some(grace) = grace else {
            return Ok(Stopped::Ended);
        };
        // A stopped process sees no other signal.
        signal_scope(&pidfd, Signal::CONT, process.kill_mode)?;
        if wait_ended(&pidfd, Some(grace))? {
            return Ok(Stopped::Ended);
        }
        signal_scope(&pidfd, Signal::KILL, process.kill_mode)?;
        wait_ended(&pidfd, None)?;
        Ok(Stopped::Killed)
    }

    /// Writes down that somebody wants a process stopped, so that its outcome will be `killed`;
    /// the first such request stands.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn request_stop(&self, id: ProcessId, request: StopRequest) -> Result<(), BystanderError> {
        let now = request.at;
        let change = ProcessChange::StopRequested(request);
        self.store
            .submit(
                now,
                vec![Change::ChangeProcess {
                    id,
                    change,
                    owner: None,
                }],
            )
            .wait()?;
        Ok(())
    }

    /// Sends a signal to the process alone; says whether somebody was there to get it.
    ///
    /// # Errors
    /// See [`BystanderError`].
    pub fn signal(&self, id: ProcessId, signal: Signal) -> Result<bool, BystanderError> {
        let process = self.process(id)?;
        match self.hold(&process)? {
            Some(pidfd) => signal_scope(&pidfd, signal, KillMode::Process),
            None => Ok(false),
        }
    }

    fn process(&self, id: ProcessId) -> Result<Process, BystanderError> {
        self.store
            .process(id)?
            .ok_or(BystanderError::Missing { id })
    }

    /// The live process of a row; none when it has ended.
    fn hold(&self, process: &Process) -> Result<Option<Pidfd>, BystanderError> {
        let id = process.id;
        match process.status {
            ProcessStatus::Exited => return Ok(None),
            ProcessStatus::Queued => return Err(BystanderError::NotStarted { id }),
            ProcessStatus::Running => {}
        }
        if process.machine_id != self.machine {
            return Err(BystanderError::Elsewhere {
                id,
                machine: process.machine_id,
            });
        }
        if process.identity.is_none() {
            return Err(BystanderError::Unidentified { id });
        }
        match self.find(process)? {
            Whereabouts::Held(pidfd) => Ok(Some(pidfd)),
            Whereabouts::Gone => Ok(None),
            Whereabouts::OutOfSight => Err(BystanderError::OtherNamespace { id }),
        }
    }

    fn find(&self, process: &Process) -> Result<Whereabouts, BystanderError> {
        let Some(identity) = &process.identity else {
            return Ok(Whereabouts::OutOfSight);
        };
        if process.machine_id != self.machine {
            return Ok(Whereabouts::OutOfSight);
        }
        Ok(match PidSpace::current()?.verify(identity)? {
            Verdict::Alive(pidfd) | Verdict::Zombie(pidfd) => Whereabouts::Held(pidfd),
            Verdict::Gone | Verdict::OtherBoot => Whereabouts::Gone,
            Verdict::OtherNamespace => Whereabouts::OutOfSight,
        })
    }

    fn wait_pidfd(&self, pidfd: &Pidfd, deadline: Option<Instant>) -> Result<bool, BystanderError> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        Ok(wait_ended(pidfd, left)?)
    }

    fn is_owned(&self, process: &Process) -> Result<bool, BystanderError> {
        match process.owner {
            Some(owner) => Ok(Owner::is_alive(&self.owners, owner)?),
            None => Ok(false),
        }
    }

    /// Writes down the end of a process that nobody supervises any more: what the kernel says
    /// of it to those who are not its parent, or that it is lost.
    fn settle(&self, process: &Process, pidfd: Option<&Pidfd>) -> Result<(), BystanderError> {
        let seen = pidfd.map(seen_of).transpose()?.flatten();
        let event = match seen {
            Some(termination) => {
                let output = logs::read_output(&self.data_dir, process.log.as_ref());
                Event::Exited(Exit {
                    termination,
                    usage: None,
                    output,
                })
            }
            None => Event::Lost,
        };
        let now = Timestamp::now();
        let nobody = OwnerId::generate();
        let mut context = Context::new(process, self.machine, nobody, now, 1.0);
        handle(&event, &mut context);
        let changes = context
            .into_effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Save(change) => Some(Change::ChangeProcess {
                    id: process.id,
                    change,
                    owner: None,
                }),
                // Nothing is started, signalled or timed for a process that has ended.
                Effect::Spawn | Effect::Signal { .. } | Effect::Arm { .. } => None,
                // Left to who saw it run: what somebody else saw is no measure of health.
                Effect::CountUse { .. } => None,
            });
        // Refused when somebody else has settled it meanwhile, which is as good.
        self.store.submit(now, changes.collect()).wait()?;
        Ok(())
    }
}

enum Whereabouts {
    /// Here, alive or not yet reaped.
    Held(Pidfd),
    /// Nowhere any more.
    Gone,
    /// Where we cannot see it: another machine or namespace, or without an exact identity.
    OutOfSight,
}

/// What the kernel tells of an end to those who are not the parent. It does so once the parent,
/// now init or a subreaper, has reaped; one that does not do its duty is not waited for long.
fn seen_of(pidfd: &Pidfd) -> Result<Option<Termination>, BystanderError> {
    let deadline = Instant::now() + UNTIL_REAPED;
    while pidfd.is_unreaped().map_err(BystanderError::Wait)? && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(exit_of(pidfd))
}

/// Sends a signal to a process, and to its group when the mode says so and the kernel can do
/// that safely; says whether the process was alive.
fn signal_scope(pidfd: &Pidfd, signal: Signal, scope: KillMode) -> Result<bool, BystanderError> {
    let alive = !wait_ended(pidfd, Some(Duration::ZERO))?;
    if scope != KillMode::Process {
        match pidfd.send_signal_to_group(signal) {
            Ok(()) => return Ok(alive),
            // It leads no group, or the kernel is too old: the process alone, then.
            Err(GroupSignalError::Unsupported | GroupSignalError::Refused { .. }) => {}
        }
    }
    Ok(send_signal(pidfd, signal)? && alive)
}

/// Sleeps for a moment; false when that would pass the deadline.
fn sleep_until_look(deadline: Option<Instant>) -> bool {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match left {
        Some(Duration::ZERO) => false,
        Some(left) => {
            thread::sleep(left.min(LOOK_AGAIN));
            true
        }
        None => {
            thread::sleep(LOOK_AGAIN);
            true
        }
    }
}

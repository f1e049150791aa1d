//! Ends that nobody else will write down.

use std::time::Duration;

use hostledger_keeper::State;
use hostledger_lifecycle::process::{Event, Exit};
use hostledger_model::{Process, ProcessStatus, Termination, Timestamp};
use hostledger_process::Pidfd;

use super::{Bystander, BystanderError};
use crate::logs::LogOf;
use crate::moment::wait_for;
use crate::own_directory;
use crate::secrets;

/// How long an orphan that has ended may stay a zombie.
const UNTIL_REAPED: Duration = Duration::from_secs(1);
/// How long a keeper may take to write down an end that others see already.
const UNTIL_WRITTEN: Duration = Duration::from_secs(5);

impl Bystander {
    /// Writes down the end of a process that has no owner any more; says whether that was the
    /// case. Whoever has an owner is left to it.
    pub(super) fn settle_unowned(
        &self,
        process: &Process,
        pidfd: Option<&Pidfd>,
    ) -> Result<bool, BystanderError> {
        if self.is_owned(process)? {
            return Ok(false);
        }
        // The owner may have written the end down in its last moment.
        let latest = self.process(process.id)?;
        if latest.status == ProcessStatus::Running && latest.owner == process.owner {
            self.at_home_of(latest.owner)?.settle(&latest, pidfd)?;
        }
        Ok(true)
    }

    /// Writes down what its keeper saw of an end, else what the kernel says of it to those who
    /// are not the parent, or that it is lost.
    fn settle(&self, process: &Process, pidfd: Option<&Pidfd>) -> Result<(), BystanderError> {
        if self.kept_end(process)? {
            self.replay()?;
            if self.process(process.id)?.status != ProcessStatus::Running {
                return Ok(());
            }
        }
        let seen = pidfd
            .map(|pidfd| self.seen_of(pidfd))
            .transpose()?
            .flatten();
        let event = seen.map_or(Event::Lost, |termination| {
            let log = LogOf::recorded(&self.data_dir, process);
            Event::Exited(Exit {
                at: Timestamp::now(),
                termination,
                usage: None,
                output: log.read([0; 2], [false; 2]),
                stopped: None,
            })
        });
        // Refused when somebody else has settled it meanwhile, which is as good.
        self.write_down(process, [event]).wait()?;
        self.close(process)
    }

    /// Removes what was kept for a process that has ended.
    pub(super) fn close(&self, process: &Process) -> Result<(), BystanderError> {
        let ended = self.process(process.id)?;
        own_directory::note_end(&ended);
        secrets::forget(&*self.store, &self.data_dir, &ended);
        Ok(())
    }

    /// Takes a process back that its launcher took on with the row itself, as `run` does, and died
    /// before it was started: nobody else was to start it. Says whether that was the case.
    pub(super) fn settle_unstarted(&self, process: &Process) -> Result<bool, BystanderError> {
        if !self.is_taken_at_birth(process) || self.is_owned(process)? {
            return Ok(false);
        }
        // From here on its keeper, should it have one, starts nothing more.
        let home = self.at_home_of(process.owner)?;
        home.replay()?;
        let latest = self.process(process.id)?;
        if latest.status != ProcessStatus::Queued || home.entry_of(&latest)?.is_some() {
            return Ok(false);
        }
        let commit = self.write_down(&latest, [Event::Cancelled]).wait()?;
        // Refused when the start was written after all: a server can commit it that late.
        if commit.is_applied() {
            self.close(&latest)?;
        }
        Ok(commit.is_applied())
    }

    /// Whether its launcher has taken a process on with the row itself, and nothing has become of
    /// it yet.
    pub(super) fn is_taken_at_birth(&self, process: &Process) -> bool {
        process.status == ProcessStatus::Queued
            && process.owner.is_some()
            // Who lives on another machine is not to be seen from here.
            && process.machine_id == self.machine
            && process.attempt == 1
            && process.modified_at == process.created_at
    }

    /// Writes down that nobody can know how a process ended.
    pub(super) fn settle_lost(&self, process: &Process) -> Result<(), BystanderError> {
        self.write_down(process, [Event::Lost]).wait()?;
        Ok(())
    }

    /// Whether a keeper that lives has a process, wherever that runs.
    pub(super) fn is_kept(&self, process: &Process) -> Result<bool, BystanderError> {
        let entry = self.at_home_of(process.owner)?.entry_of(process)?;
        match entry {
            Some((table, _)) => Ok(table.keeper_is_alive()?),
            None => Ok(false),
        }
    }

    /// Whether a keeper has written the end of a process down; one that lives and has it is
    /// given a moment to do so.
    fn kept_end(&self, process: &Process) -> Result<bool, BystanderError> {
        let Some((table, entry)) = self.entry_of(process)? else {
            return Ok(false);
        };
        let written = || {
            let entry = table.entry(entry.slot)?;
            let is_over = matches!(entry.state, State::Ended | State::Failed | State::Settled);
            (is_over || entry.id != process.id || !table.keeper_is_alive().unwrap_or(false))
                .then_some(())
        };
        Ok(wait_for(UNTIL_WRITTEN, written).is_some())
    }

    /// What the kernel tells of an end to those who are not the parent: at once where its zombie
    /// may be read, else when the parent, now init or a subreaper, has reaped it. One that does
    /// not do that duty is not waited for long.
    fn seen_of(&self, pidfd: &Pidfd) -> Result<Option<Termination>, BystanderError> {
        let mut failed = None;
        let seen = wait_for(UNTIL_REAPED, || {
            let unreaped = match pidfd.is_unreaped() {
                Ok(unreaped) => unreaped,
                Err(error) => {
                    failed = Some(error);
                    return Some(None);
                }
            };
            let seen = self.space.exit_of(pidfd);
            (seen.is_some() || !unreaped).then_some(seen)
        });
        match failed {
            Some(error) => Err(BystanderError::Wait(error)),
            None => Ok(seen.flatten()),
        }
    }
}

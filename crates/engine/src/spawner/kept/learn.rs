//! What came of a start is learnt from the table of its keeper.

use std::error::Error;
use std::io;

use hostledger_keeper::{Entry, Slot, State};
use hostledger_model::{ProcessId, ProcessIdentity};
use hostledger_process::{PidSpace, Pidfd, Verdict};
use rustix::io::Errno;

use super::{KeptPrograms, Phase, Program};
use crate::entry;
use crate::port::Returned;
use crate::spawner::failed::{StartFailed, is_shortage, is_spawn_shortage};

impl KeptPrograms {
    /// Looks at what has become of a program, as its keeper has written it down.
    pub(super) fn look(&mut self, number: u64, id: ProcessId, slot: Slot) {
        let Some(entry) = self.table(number).and_then(|table| table.entry(slot)) else {
            return;
        };
        if entry.id == id {
            self.learn(number, &entry);
        }
    }

    pub(super) fn learn(&mut self, number: u64, entry: &Entry) {
        let Some(table) = self.table(number).cloned() else {
            return;
        };
        let id = entry.id;
        if self.has_run_short(entry) {
            self.give_back(id, Returned::Shortage);
            self.free(number, entry.slot);
            return;
        }
        let Some(program) = self.programs.get_mut(&id) else {
            return;
        };
        if let (Phase::Asked(asked), State::Failed) = (&program.phase, entry.state) {
            asked.outlet.discard();
            self.events
                .push((id, entry::failed(entry, Some(&asked.launch))));
            self.forget(id);
            self.free(number, entry.slot);
            return;
        }
        if let Phase::Asked(asked) = &program.phase
            && entry::never_ran(entry)
        {
            // A cgroup that was killed once kills what is born into it on some kernels (6.18), and
            // so do those below it: without groups it may live.
            if entry.group.is_some() && self.uses_groups {
                self.again.push(id);
            } else {
                asked.outlet.discard();
                self.events.push((id, entry::killed_at_birth()));
                self.forget(id);
            }
            self.free(number, entry.slot);
            return;
        }
        if let Phase::Asked(asked) = &program.phase
            && matches!(entry.state, State::Running | State::Ended)
            && let Some(identity) = entry::identity(entry, &table, &self.space)
        {
            let event = entry::spawned(identity.clone(), asked.outlet.place());
            self.events.push((id, event));
            // What has ended needs no signal any more.
            let runs = entry.state == State::Running;
            let running = Phase::Running {
                slot: entry.slot,
                leader: runs.then(|| held(&self.space, &identity)).flatten(),
                identity,
                ended: false,
            };
            self.move_on(id, running);
        }
        let Some(program) = self.programs.get_mut(&id) else {
            return;
        };
        if let Phase::Running { leader, ended, .. } = &mut program.phase
            && entry.state == State::Ended
            && !*ended
        {
            *ended = true;
            let event = entry::ended(entry, &program.log, &self.space, leader.as_ref());
            self.events.push((id, event));
        }
    }

    /// Whether a program of a queue could not be started for want of something that has nothing
    /// to do with it.
    fn has_run_short(&self, entry: &Entry) -> bool {
        let queued = self.programs.get(&entry.id).is_some_and(|it| it.queued);
        let failure = entry.failure.filter(|_| entry.state == State::Failed);
        queued && failure.is_some_and(is_spawn_shortage)
    }

    pub(super) fn refused(&mut self, id: ProcessId, reason: io::Error) {
        let queued = self.programs.get(&id).is_some_and(|it| it.queued);
        if queued && Errno::from_io_error(&reason).is_some_and(is_shortage) {
            return self.give_back(id, Returned::Shortage);
        }
        if let Some(Program {
            phase: Phase::Asked(asked),
            ..
        }) = self.forget(id)
        {
            asked.outlet.discard();
            self.events.push((id, StartFailed::Refused(reason).event()));
        }
    }

    pub(super) fn free(&mut self, number: u64, slot: Slot) {
        let kept = self.keepers.iter_mut().find(|kept| kept.number == number);
        if let Some(keeper) = kept.and_then(|kept| kept.keeper.as_mut()) {
            keeper.release(slot);
        }
    }
}

/// The live process of an identity, or its zombie.
pub(super) fn held(space: &PidSpace, identity: &ProcessIdentity) -> Option<Pidfd> {
    match space.verify(identity) {
        Ok(Verdict::Alive(pidfd) | Verdict::Zombie(pidfd)) => Some(pidfd),
        Ok(_) => None,
        Err(error) => {
            let error = &error as &dyn Error;
            tracing::warn!(error, pid = %identity.pid, "a program cannot be held");
            None
        }
    }
}

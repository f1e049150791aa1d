//! The programs of a keeper that has died are gone on with.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use hostledger_keeper::{Entry, State, Table};
use hostledger_lifecycle::process::Event;
use hostledger_model::{Pid, ProcessId};
use hostledger_process::{PidSpace, Pidfd, Signal};
use hostledger_sys::{peek_pid, reap_pid};

use super::learn::held;
use super::leave::reap;
use super::{KeptPrograms, Phase, Program};
use crate::entry::killed_at_birth;
use crate::port::Returned;
use crate::settled_start::settled_start;
use crate::spawner::direct::DirectPrograms;

impl KeptPrograms {
    /// A keeper has died: its programs are our children now, if we are a subreaper, and what it
    /// had written down is still to be read.
    pub(super) fn take_over(
        &mut self,
        number: u64,
        direct: &mut DirectPrograms,
        readiness: &OwnedFd,
    ) {
        tracing::warn!(
            number,
            "a keeper has died: its programs are watched from here"
        );
        let Some(kept) = self.keepers.iter_mut().find(|kept| kept.number == number) else {
            return;
        };
        kept.keeper = None;
        kept.current = false;
        let table = kept.table.clone();
        let mut entries: HashMap<ProcessId, Entry> =
            table.entries().map(|entry| (entry.id, entry)).collect();
        let of_keeper = |program: &Program| {
            program.keeper == number && !matches!(program.phase, Phase::Adopted)
        };
        let ids: Vec<ProcessId> = self
            .programs
            .iter()
            .filter_map(|(id, program)| of_keeper(program).then_some(*id))
            .collect();
        for id in ids {
            match entries.remove(&id) {
                Some(entry) if entry.state != State::Starting || entry.pid.is_some() => {
                    self.inherit(number, &table, &entry, direct);
                }
                Some(_) | None => self.ask_again(id, readiness),
            }
        }
        self.forget_dead();
    }

    /// A child of the dead keeper that has not come to executing its program does not any more. Of
    /// a queue it comes back, as nothing of it has run.
    fn end_unborn(&mut self, entry: &Entry) {
        let never_ran = entry.pid.is_some_and(|pid| end_child(&self.space, pid));
        let queued = self.programs.get(&entry.id).is_some_and(|it| it.queued);
        if never_ran && queued {
            return self.give_back(entry.id, Returned::Recalled);
        }
        if let Some(program) = self.forget(entry.id)
            && let Phase::Asked(asked) = program.phase
        {
            asked.outlet.discard();
            self.events.push((entry.id, killed_at_birth()));
        }
    }

    /// Goes on with a program that the dead keeper had started.
    fn inherit(&mut self, number: u64, table: &Table, entry: &Entry, direct: &mut DirectPrograms) {
        let mut entry = entry.clone();
        if entry.state == State::Starting {
            let state = settled_start(table, &entry, &self.space);
            // The child has written down who it is meanwhile.
            let now = table.entry(entry.slot).filter(|now| now.id == entry.id);
            entry = Entry {
                state,
                ..now.unwrap_or(entry)
            };
        }
        self.learn(number, &entry);
        let Some(program) = self.programs.get_mut(&entry.id) else {
            return;
        };
        let Phase::Running {
            identity,
            leader,
            ended,
            ..
        } = &mut program.phase
        else {
            return self.end_unborn(&entry);
        };
        let leader = leader.take().or_else(|| held(&self.space, identity));
        match leader {
            // Its end is known; only its zombie may be left.
            Some(leader) if *ended => reap(&leader),
            None if *ended => {}
            Some(leader) => {
                let (tag, log, identity) = (program.tag, program.log.clone(), identity.clone());
                self.move_on(entry.id, Phase::Adopted);
                direct.adopt(entry.id, tag, identity, leader, log);
            }
            None => {
                self.move_on(entry.id, Phase::Adopted);
                self.events.push((entry.id, Event::Lost));
            }
        }
    }
}

/// How long a killed child may take to end.
const UNTIL_ENDED: Duration = Duration::from_secs(1);

/// Ends and reaps a process if it is a child of ours: then the number is its own. Says whether it is
/// sure that it has never executed a program.
fn end_child(space: &PidSpace, pid: Pid) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(pid.get()) else {
        return false;
    };
    end_and_reap(space, pid).unwrap_or_else(|error| {
        // ECHILD: it went to somebody else, as we are no subreaper.
        tracing::debug!(%error, %pid, "a child that was not born is left alone");
        false
    })
}

fn end_and_reap(space: &PidSpace, pid: rustix::process::Pid) -> io::Result<bool> {
    let is_over = peek_pid(pid)?.is_some();
    let child = Pidfd::open(pid)?;
    if !is_over {
        child.send_signal(Signal::KILL)?;
        child.wait_ended(Some(UNTIL_ENDED))?;
    }
    // The zombie tells it still.
    let has_executed = space.has_executed(&child);
    reap_pid(pid)?;
    Ok(!has_executed)
}

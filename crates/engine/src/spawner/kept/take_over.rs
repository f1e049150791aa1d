//! The programs of a keeper that has died are gone on with.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use hostledger_keeper::{Entry, State, Table};
use hostledger_lifecycle::process::Event;
use hostledger_model::{Pid, ProcessId};
use hostledger_process::{Pidfd, Signal};
use hostledger_sys::{peek_pid, reap_pid};

use super::learn::held;
use super::leave::reap;
use super::{KeptPrograms, Phase, Program};
use crate::entry::killed_at_birth;
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

    /// A child of the dead keeper that has not come to executing its program does not any more.
    fn end_unborn(&mut self, entry: &Entry) {
        if let Some(pid) = entry.pid {
            end_child(pid);
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

/// Ends and reaps a process if it is a child of ours: then the number is its own.
fn end_child(pid: Pid) {
    let Some(pid) = rustix::process::Pid::from_raw(pid.get()) else {
        return;
    };
    if let Err(error) = end_and_reap(pid) {
        // ECHILD: it went to somebody else, as we are no subreaper.
        tracing::debug!(%error, %pid, "a child that was not born is left alone");
    }
}

fn end_and_reap(pid: rustix::process::Pid) -> io::Result<()> {
    if peek_pid(pid)?.is_none() {
        let child = Pidfd::open(pid)?;
        child.send_signal(Signal::KILL)?;
        child.wait_ended(Some(UNTIL_ENDED))?;
    }
    reap_pid(pid)?;
    Ok(())
}

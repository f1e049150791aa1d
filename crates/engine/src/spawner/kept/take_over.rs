//! The programs of a keeper that has died are gone on with.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use hostledger_keeper::{Entry, State, Table};
use hostledger_lifecycle::process::Event;
use hostledger_model::ProcessId;

use super::learn::held;
use super::leave::reap;
use super::{KeptPrograms, Phase, Program};
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

    /// Goes on with a program that the dead keeper had started.
    fn inherit(&mut self, number: u64, table: &Table, entry: &Entry, direct: &mut DirectPrograms) {
        let mut entry = entry.clone();
        if entry.state == State::Starting {
            entry.state = settled_start(table, &entry, &self.space);
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
            return;
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

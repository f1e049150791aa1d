//! Programs that a keeper starts for us.

mod ahead;
mod hand_over;
mod learn;
mod leave;
mod room;
mod take_over;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use hostledger_keeper::{self as keeper, Keeper, SinceBoot, Slot, Table};
use hostledger_lifecycle::process::Event;
use hostledger_model::{KillMode, ProcessId, ProcessIdentity};
use hostledger_process::{Launch, PidSpace, Pidfd, TreeRoot};

use super::KeeperPlace;
use super::direct::DirectPrograms;
use super::outlet::Outlet;
use super::surroundings::Surroundings;
use crate::group::KeptGroup;
use crate::logs::LogOf;
use crate::port::{self, LaunchOrder, Returned};

/// The programs of one launcher, kept by one keeper, or by several one after the other.
pub(super) struct KeptPrograms {
    place: KeeperPlace,
    space: PidSpace,
    keepers: Vec<Kept>,
    last_number: u64,
    programs: HashMap<ProcessId, Program>,
    events: Vec<(ProcessId, Event)>,
    /// Whether programs get cgroups of their own where there can be any.
    uses_groups: bool,
    /// Programs that were killed at birth in their cgroup.
    again: Vec<ProcessId>,
    /// How many are handed over ahead of their turn, as far as we have heard.
    ahead: usize,
    /// Those of them that have come back.
    returned: Vec<(ProcessId, Returned)>,
    /// Whether all of them were asked for.
    recalled: bool,
    surroundings: Surroundings,
    /// The timer that has requests sent again for which there was no room.
    again_at: Option<OwnedFd>,
}

/// There is no keeper to be had.
pub(super) struct Unkept;

/// One keeper; when it has died, what it has left behind.
struct Kept {
    number: u64,
    keeper: Option<Keeper>,
    table: Table,
    /// Whether it is asked to start what is to be started next.
    current: bool,
}

/// A program that a keeper was asked to start.
struct Program {
    keeper: u64,
    tag: u64,
    log: LogOf,
    /// Whether it was handed over ahead of its turn.
    in_turn: bool,
    /// Whether it is part of a queue: it may come back.
    queued: bool,
    phase: Phase,
}

enum Phase {
    /// It was asked for.
    Asked(Box<Asked>),
    /// It runs, or has ended.
    Running {
        slot: Slot,
        identity: ProcessIdentity,
        leader: Option<Pidfd>,
        ended: bool,
    },
    /// Its keeper has died, and others watch it.
    Adopted,
}

/// What is needed to say what came of a start, and to try it with another keeper.
struct Asked {
    wish: Wish,
    order: Arc<LaunchOrder>,
    launch: Launch,
    outlet: Outlet,
}

/// Which program is to be started, and when.
#[derive(Clone, Copy)]
struct Wish {
    of: port::Program,
    /// How many may run at once, for one that waits for its turn.
    at_once: Option<u32>,
    /// Until when, for one of a queue.
    start_by: Option<SinceBoot>,
}

impl Wish {
    fn new(of: port::Program, at_once: Option<u32>) -> Self {
        Self {
            of,
            at_once,
            start_by: of.start_within.map(SinceBoot::after),
        }
    }
}

impl KeptPrograms {
    pub(super) fn new(place: KeeperPlace, space: PidSpace) -> Self {
        Self {
            place,
            space,
            keepers: Vec::new(),
            last_number: 0,
            programs: HashMap::new(),
            events: Vec::new(),
            uses_groups: true,
            again: Vec::new(),
            ahead: 0,
            returned: Vec::new(),
            recalled: false,
            surroundings: Surroundings::default(),
            again_at: None,
        }
    }

    pub(super) fn escalate(&mut self, id: ProcessId, kill_after: Duration) {
        if let Some((kept, slot)) = self.running(id)
            && let Some(keeper) = &mut kept.keeper
        {
            keeper.escalate(slot, Some(kill_after));
        }
    }

    /// The keeper and the slot of a program that runs, or whose end is not released.
    fn running(&mut self, id: ProcessId) -> Option<(&mut Kept, Slot)> {
        let program = self.programs.get(&id)?;
        let Phase::Running { slot, .. } = program.phase else {
            return None;
        };
        let kept = self.keepers.iter_mut();
        let kept = kept
            .into_iter()
            .find(|kept| kept.number == program.keeper)?;
        Some((kept, slot))
    }

    /// What descends from a program, as far as `scope` reaches.
    pub(super) fn tree(&self, id: ProcessId, scope: KillMode) -> Option<TreeRoot> {
        let program = self.programs.get(&id)?;
        let Phase::Running {
            slot,
            identity,
            leader,
            ..
        } = &program.phase
        else {
            return None;
        };
        let table = self.table(program.keeper)?;
        Some(TreeRoot {
            identity: identity.clone(),
            leader: leader.as_ref().and_then(|leader| leader.try_clone().ok()),
            tag: Some(program.tag),
            group: KeptGroup::of(table, *slot, id),
            scope,
        })
    }

    fn table(&self, number: u64) -> Option<&Table> {
        let kept = self.keepers.iter().find(|kept| kept.number == number)?;
        Some(&kept.table)
    }

    pub(super) fn take_events(
        &mut self,
        direct: &mut DirectPrograms,
        readiness: &OwnedFd,
    ) -> Vec<(ProcessId, Event)> {
        self.clear_timer();
        let mut told = Vec::new();
        for kept in &mut self.keepers {
            let events = kept.keeper.as_mut().map(Keeper::take_events);
            told.extend(
                events
                    .into_iter()
                    .flatten()
                    .map(|event| (kept.number, event)),
            );
        }
        for (number, event) in told {
            match event {
                keeper::Event::Started { id, slot }
                | keeper::Event::Failed { id, slot, .. }
                | keeper::Event::Ended { id, slot } => self.look(number, id, slot),
                keeper::Event::Refused { id, reason } => self.refused(id, reason.into()),
                keeper::Event::Returned { id } => self.give_back(id, Returned::Recalled),
                keeper::Event::Died => self.take_over(number, direct, readiness),
            }
        }
        self.start_without_groups(readiness);
        self.try_again_later(readiness);
        std::mem::take(&mut self.events)
    }

    pub(super) fn release(&mut self, id: ProcessId) {
        let Some(program) = self.forget(id) else {
            return;
        };
        if let Phase::Running { slot, .. } = program.phase {
            self.free(program.keeper, slot);
        }
        self.forget_dead();
    }

    /// Takes a program out.
    fn forget(&mut self, id: ProcessId) -> Option<Program> {
        let program = self.programs.remove(&id)?;
        if program.in_turn && matches!(program.phase, Phase::Asked(_)) {
            self.ahead -= 1;
        }
        Some(program)
    }

    /// Changes how far a program is.
    fn move_on(&mut self, id: ProcessId, phase: Phase) {
        let Some(program) = self.programs.get_mut(&id) else {
            return;
        };
        if program.in_turn && matches!(program.phase, Phase::Asked(_)) {
            self.ahead -= 1;
        }
        program.phase = phase;
    }
}

//! Programs that a keeper starts for us.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostledger_keeper::{
    self as keeper, Entry, Keeper, KeeperError, Request, Slot, Start, State, Table,
};
use hostledger_lifecycle::process::Event;
use hostledger_model::{KillMode, Process, ProcessId, ProcessIdentity, with_causes};
use hostledger_process::{Ambient, Hierarchy, Launch, PidSpace, Pidfd, TreeRoot, Verdict};
use rustix::event::epoll;

use super::KeeperPlace;
use super::direct::DirectPrograms;
use super::failed::StartFailed;
use super::outlet::Outlet;
use crate::entry;
use crate::forget::{forget, forget_pool};
use crate::group::KeptGroup;
use crate::logs::LogOf;
use crate::port::LaunchOrder;
use crate::settled_start::settled_start;

/// Between SIGTERM and SIGKILL of a program whose time is up, when only its keeper is left.
const GRACE: Duration = Duration::from_secs(5);

/// How long a keeper that has nothing to do may take to end.
const UNTIL_ENDED: Duration = Duration::from_millis(50);

/// How many keepers are tried for one program, should they die one after the other.
const KEEPERS: usize = 4;

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
    process: Process,
    order: LaunchOrder,
    launch: Launch,
    outlet: Outlet,
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
        }
    }

    /// Begins a keeper ahead of the first program, as that takes a moment.
    pub(super) fn prepare(&mut self, readiness: &OwnedFd) {
        if let Err(error) = self.begin(readiness) {
            let error = &error as &dyn Error;
            tracing::warn!(error, "no keeper: programs are started as our children");
        }
    }

    /// Hands a program to the keeper. What comes of it is an event, unless there is no keeper.
    pub(super) fn spawn(
        &mut self,
        process: &Process,
        order: &LaunchOrder,
        readiness: &OwnedFd,
    ) -> Result<(), Unkept> {
        if !self.keepers.iter().any(|kept| kept.current) && self.begin(readiness).is_err() {
            return Err(Unkept);
        }
        if let Err(error) = self.ask(process, order, readiness) {
            self.events.push((process.id, error.event()));
        }
        Ok(())
    }

    fn ask(
        &mut self,
        process: &Process,
        order: &LaunchOrder,
        readiness: &OwnedFd,
    ) -> Result<(), StartFailed> {
        let asked = Asked {
            launch: order.check()?,
            outlet: Outlet::open(order)?,
            process: process.clone(),
            order: order.clone(),
        };
        let number = self
            .hand_over_or_begin(&asked, readiness)
            .inspect_err(|_| asked.outlet.discard())?;
        let program = Program {
            keeper: number,
            tag: keeper::tag(process.id, process.attempt),
            log: LogOf::order(order, asked.outlet.begins()),
            phase: Phase::Asked(Box::new(asked)),
        };
        self.programs.insert(process.id, program);
        Ok(())
    }

    /// Hands a program over, to a new keeper where the one there is has just died, or acts as
    /// another user than we do now.
    fn hand_over_or_begin(
        &mut self,
        asked: &Asked,
        readiness: &OwnedFd,
    ) -> Result<u64, StartFailed> {
        for _ in 1..KEEPERS {
            match self.hand_over(asked) {
                Err(StartFailed::Keeper(KeeperError::CredentialsChanged | KeeperError::Gone)) => {
                    self.begin(readiness)?;
                }
                handed => return handed,
            }
        }
        self.hand_over(asked)
    }

    fn hand_over(&mut self, asked: &Asked) -> Result<u64, StartFailed> {
        let (process, order) = (&asked.process, &asked.order);
        let tag = keeper::tag(process.id, process.attempt);
        let ambient = Ambient::read().map_err(StartFailed::Handover)?;
        let block = asked.launch.block(&ambient, tag);
        let block = block.map_err(StartFailed::Handover)?;
        let current = self.keepers.iter_mut().find(|kept| kept.current);
        let kept = current.ok_or(KeeperError::Gone)?;
        let keeper = kept.keeper.as_mut().ok_or(KeeperError::Gone)?;
        let logged = asked.outlet.is_logged();
        keeper.launch(&Request {
            id: process.id,
            attempt: process.attempt,
            block: &block,
            stdio: asked.outlet.stdio(),
            timeout: process.timeout_ms.map(Duration::from_millis),
            grace: GRACE,
            kill_mode: process.kill_mode,
            max_log_bytes: order.attributes.log_bound().filter(|_| logged),
        })?;
        Ok(kept.number)
    }

    fn begin(&mut self, readiness: &OwnedFd) -> Result<(), KeeperError> {
        let name = format!("hostledger-{}", self.place.owner.simple());
        let number = self.last_number + 1;
        let pool = format!("{name}.{number}");
        let pool = self
            .uses_groups
            .then(|| make_pool(&self.space, &pool))
            .flatten();
        let started = Keeper::start(&Start {
            directory: &self.place.directory,
            owner: self.place.owner,
            program: &self.place.program,
            cgroup: pool.as_deref(),
        });
        let keeper = started.inspect_err(|_| forget_pool(pool.as_deref()))?;
        let token = epoll::EventData::new_u64(number);
        epoll::add(readiness, keeper.as_fd(), token, epoll::EventFlags::IN).map_err(|errno| {
            KeeperError::Prepare {
                source: errno.into(),
            }
        })?;
        self.last_number = number;
        for kept in &mut self.keepers {
            kept.current = false;
        }
        self.keepers.push(Kept {
            number,
            table: keeper.table().clone(),
            keeper: Some(keeper),
            current: true,
        });
        Ok(())
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
                keeper::Event::Died => self.take_over(number, direct, readiness),
            }
        }
        self.start_without_groups(readiness);
        std::mem::take(&mut self.events)
    }

    /// Starts those again that were killed at birth in their cgroup, with a keeper that uses none.
    fn start_without_groups(&mut self, readiness: &OwnedFd) {
        if self.again.is_empty() {
            return;
        }
        tracing::warn!("programs are killed at birth in cgroups here: they get none from now on");
        self.uses_groups = false;
        for kept in &mut self.keepers {
            kept.current = false;
        }
        for id in std::mem::take(&mut self.again) {
            self.ask_again(id, readiness);
        }
    }

    /// Looks at what has become of a program, as its keeper has written it down.
    fn look(&mut self, number: u64, id: ProcessId, slot: Slot) {
        let Some(entry) = self.table(number).and_then(|table| table.entry(slot)) else {
            return;
        };
        if entry.id == id {
            self.learn(number, &entry);
        }
    }

    fn learn(&mut self, number: u64, entry: &Entry) {
        let Some(table) = self.table(number).cloned() else {
            return;
        };
        let id = entry.id;
        let Some(program) = self.programs.get_mut(&id) else {
            return;
        };
        if let (Phase::Asked(asked), State::Failed) = (&program.phase, entry.state) {
            asked.outlet.discard();
            self.events
                .push((id, entry::failed(entry, Some(&asked.launch))));
            self.programs.remove(&id);
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
                self.programs.remove(&id);
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
            program.phase = Phase::Running {
                slot: entry.slot,
                leader: held(&self.space, &identity),
                identity,
                ended: false,
            };
        }
        if let Phase::Running { leader, ended, .. } = &mut program.phase
            && entry.state == State::Ended
            && !*ended
        {
            *ended = true;
            let event = entry::ended(entry, &program.log, &self.space, leader.as_ref());
            self.events.push((id, event));
        }
    }

    fn refused(&mut self, id: ProcessId, reason: io::Error) {
        if let Some(Program {
            phase: Phase::Asked(asked),
            ..
        }) = self.programs.remove(&id)
        {
            asked.outlet.discard();
            self.events.push((id, StartFailed::Refused(reason).event()));
        }
    }

    fn free(&mut self, number: u64, slot: Slot) {
        let kept = self.keepers.iter_mut().find(|kept| kept.number == number);
        if let Some(keeper) = kept.and_then(|kept| kept.keeper.as_mut()) {
            keeper.release(slot);
        }
    }

    pub(super) fn release(&mut self, id: ProcessId) {
        let Some(program) = self.programs.remove(&id) else {
            return;
        };
        if let Phase::Running { slot, .. } = program.phase {
            self.free(program.keeper, slot);
        }
        self.forget_dead();
    }

    /// A keeper has died: its programs are our children now, if we are a subreaper, and what it
    /// had written down is still to be read.
    fn take_over(&mut self, number: u64, direct: &mut DirectPrograms, readiness: &OwnedFd) {
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

    /// A program that was asked for and not started: another keeper starts it.
    fn ask_again(&mut self, id: ProcessId, readiness: &OwnedFd) {
        let Some(program) = self.programs.remove(&id) else {
            return;
        };
        let Phase::Asked(asked) = program.phase else {
            self.events.push((id, Event::Lost));
            return;
        };
        let Asked {
            process,
            order,
            outlet,
            ..
        } = *asked;
        outlet.discard();
        if self.spawn(&process, &order, readiness).is_err() {
            let gone = StartFailed::Keeper(KeeperError::Gone);
            self.events.push((id, gone.event()));
        }
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
                program.phase = Phase::Adopted;
                direct.adopt(entry.id, tag, identity, leader, log);
            }
            None => {
                program.phase = Phase::Adopted;
                self.events.push((entry.id, Event::Lost));
            }
        }
    }

    /// Removes what dead keepers have left when all of it is written down.
    fn forget_dead(&mut self) {
        let programs = &self.programs;
        self.keepers.retain(|kept| {
            let number = kept.number;
            let needed = kept.keeper.is_some() || programs.values().any(|it| it.keeper == number);
            if !needed {
                forget(&kept.table);
            }
            needed
        });
    }
}

impl Drop for KeptPrograms {
    /// A keeper that still has programs goes on with them; of the others nothing stays.
    fn drop(&mut self) {
        for kept in &mut self.keepers {
            let number = kept.number;
            let busy = self.programs.values().any(|it| it.keeper == number);
            let keeper = kept.keeper.take();
            let pidfd = keeper.as_ref().and_then(|it| it.pidfd().try_clone().ok());
            // From here on it takes us for gone.
            drop(keeper);
            if !busy {
                if let Some(pidfd) = pidfd {
                    reap_idle(&pidfd);
                }
                forget(&kept.table);
            }
        }
    }
}

/// A place for cgroups of programs, where there can be one.
fn make_pool(space: &PidSpace, name: &str) -> Option<PathBuf> {
    let pool = match Hierarchy::find(Path::new("/"), space.means()) {
        Ok(hierarchy) => hierarchy
            .make_pool(name)
            .map_err(|error| with_causes(&error)),
        Err(reason) => Err(with_causes(&reason)),
    };
    pool.inspect_err(|reason| tracing::debug!(reason, "no cgroups for programs"))
        .ok()
}

/// The live process of an identity, or its zombie.
fn held(space: &PidSpace, identity: &ProcessIdentity) -> Option<Pidfd> {
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

/// A keeper without programs ends when its launcher goes. In a container whose pid 1 reaps nobody
/// it would stay as a zombie if we did not wait for it.
fn reap_idle(keeper: &Pidfd) {
    match keeper.wait_ended(Some(UNTIL_ENDED)) {
        Ok(true) => reap(keeper),
        // What others have left with it keeps it at work.
        Ok(false) => {}
        Err(error) => tracing::debug!(%error, "a keeper was not waited for"),
    }
}

fn reap(leader: &Pidfd) {
    if let Err(error) = hostledger_sys::reap(leader) {
        tracing::debug!(%error, pid = %leader.pid(), "not ours to reap");
    }
}

//! Programs are handed to a keeper, which is begun when there is none.

use std::error::Error;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hostledger_keeper::{self as keeper, Keeper, KeeperError, Request, Start};
use hostledger_lifecycle::process::Event;
use hostledger_model::{ProcessId, with_causes};
use hostledger_process::{Hierarchy, PidSpace};
use rustix::event::epoll;

use super::{Asked, Kept, KeptPrograms, Phase, Program, Unkept, Wish};
use crate::forget::forget_pool;
use crate::logs::LogOf;
use crate::port::{self, LaunchOrder, Returned};
use crate::spawner::failed::StartFailed;
use crate::spawner::outlet::Outlet;
use crate::spawner::surroundings::Surroundings;

/// Between SIGTERM and SIGKILL of a program whose time is up, when only its keeper is left.
const GRACE: Duration = Duration::from_secs(5);

/// How many keepers are tried for one program, should they die one after the other.
const KEEPERS: usize = 4;

impl KeptPrograms {
    /// Begins a keeper ahead of the first program, as that takes a moment.
    pub(in crate::spawner) fn prepare(&mut self, readiness: &OwnedFd) {
        if let Err(error) = self.begin(readiness) {
            let error = &error as &dyn Error;
            tracing::warn!(error, "no keeper: programs are started as our children");
        }
    }

    /// Hands a program to the keeper. What comes of it is an event, unless there is no keeper.
    pub(in crate::spawner) fn spawn(
        &mut self,
        of: port::Program,
        order: &Arc<LaunchOrder>,
        readiness: &OwnedFd,
    ) -> Result<(), Unkept> {
        // It is to have what we have at this moment.
        self.surroundings = Surroundings::default();
        self.hand(Wish::new(of, None), order, readiness)
    }

    /// A turn is only waited for at the keeper that is there: a new one does not know who runs.
    pub(super) fn hand(
        &mut self,
        wish: Wish,
        order: &Arc<LaunchOrder>,
        readiness: &OwnedFd,
    ) -> Result<(), Unkept> {
        let (id, waits) = (wish.of.id, wish.at_once.is_some());
        if !waits && !self.is_kept() && self.begin(readiness).is_err() {
            return Err(Unkept);
        }
        match self.ask(wish, order, readiness) {
            Ok(()) => {}
            Err(_) if !self.is_kept() && waits => self.returned.push((id, Returned::Recalled)),
            Err(_) if !self.is_kept() => return Err(Unkept),
            Err(error) if wish.of.start_within.is_some() && error.is_shortage() => {
                tracing::warn!(error = with_causes(&error), "a start has to wait");
                self.returned.push((id, Returned::Shortage));
            }
            Err(error) => self.events.push((id, error.event())),
        }
        Ok(())
    }

    fn is_kept(&self) -> bool {
        self.keepers.iter().any(|kept| kept.current)
    }

    fn ask(
        &mut self,
        wish: Wish,
        order: &Arc<LaunchOrder>,
        readiness: &OwnedFd,
    ) -> Result<(), StartFailed> {
        let asked = Asked {
            launch: order.check()?,
            outlet: Outlet::open(order, &mut self.surroundings)?,
            wish,
            order: Arc::clone(order),
        };
        let of = wish.of;
        let number = self
            .hand_over_or_begin(&asked, readiness)
            .inspect_err(|_| asked.outlet.discard())?;
        let program = Program {
            keeper: number,
            tag: keeper::tag(of.id, of.attempt),
            log: LogOf::order(order, asked.outlet.begins()),
            in_turn: wish.at_once.is_some(),
            queued: of.start_within.is_some(),
            phase: Phase::Asked(Box::new(asked)),
        };
        self.ahead += usize::from(program.in_turn);
        self.programs.insert(of.id, program);
        Ok(())
    }

    /// Hands a program over, to a new keeper where the one there is has just died, or acts as
    /// another user than we do now.
    fn hand_over_or_begin(
        &mut self,
        asked: &Asked,
        readiness: &OwnedFd,
    ) -> Result<u64, StartFailed> {
        for _ in 0..KEEPERS {
            if !self.is_kept() {
                if asked.wish.at_once.is_some() {
                    break;
                }
                self.surroundings = Surroundings::default();
                self.begin(readiness)?;
            }
            match self.hand_over(asked) {
                Err(StartFailed::Keeper(KeeperError::CredentialsChanged | KeeperError::Gone)) => {
                    self.retire();
                }
                handed => return handed,
            }
        }
        Err(StartFailed::Keeper(KeeperError::Gone))
    }

    /// The keeper that is there is asked for nothing more; what waits for its turn there is to
    /// come back.
    fn retire(&mut self) {
        for kept in self.keepers.iter_mut().filter(|kept| kept.current) {
            kept.current = false;
            if let Some(keeper) = &mut kept.keeper {
                keeper.recall();
            }
        }
    }

    fn hand_over(&mut self, asked: &Asked) -> Result<u64, StartFailed> {
        let (wish, order) = (asked.wish, &asked.order);
        let of = wish.of;
        let tag = keeper::tag(of.id, of.attempt);
        let ambient = self.surroundings.ambient();
        let ambient = ambient.map_err(StartFailed::Handover)?;
        let block = asked.launch.block(ambient, tag);
        let block = block.map_err(StartFailed::Handover)?;
        let current = self.keepers.iter_mut().find(|kept| kept.current);
        let kept = current.ok_or(KeeperError::Gone)?;
        let keeper = kept.keeper.as_mut().ok_or(KeeperError::Gone)?;
        let logged = asked.outlet.is_logged();
        keeper.launch(&Request {
            id: of.id,
            attempt: of.attempt,
            block: &block,
            stdio: asked.outlet.stdio(),
            timeout: of.timeout,
            grace: GRACE,
            kill_mode: of.kill_mode,
            max_log_bytes: order.attributes.log_bound().filter(|_| logged),
            at_once: wish.at_once,
            start_by: wish.start_by,
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
        self.retire();
        self.keepers.push(Kept {
            number,
            table: keeper.table().clone(),
            keeper: Some(keeper),
            current: true,
        });
        Ok(())
    }

    /// Starts those again that were killed at birth in their cgroup, with a keeper that uses none.
    pub(super) fn start_without_groups(&mut self, readiness: &OwnedFd) {
        if self.again.is_empty() {
            return;
        }
        tracing::warn!("programs are killed at birth in cgroups here: they get none from now on");
        self.uses_groups = false;
        self.retire();
        for id in std::mem::take(&mut self.again) {
            self.ask_again(id, readiness);
        }
    }

    /// A program that was asked for and not started: another keeper starts it.
    ///
    /// One that waited for its turn comes back instead: the new keeper does not know who runs.
    pub(super) fn ask_again(&mut self, id: ProcessId, readiness: &OwnedFd) {
        if self.programs.get(&id).is_some_and(|it| it.in_turn) {
            return self.give_back(id, Returned::Recalled);
        }
        let Some(program) = self.forget(id) else {
            return;
        };
        let Phase::Asked(asked) = program.phase else {
            self.events.push((id, Event::Lost));
            return;
        };
        let Asked {
            wish,
            order,
            outlet,
            ..
        } = *asked;
        outlet.discard();
        self.surroundings = Surroundings::default();
        if self.hand(wish, &order, readiness).is_ok() {
            return;
        }
        if program.queued {
            return self.returned.push((id, Returned::Shortage));
        }
        let gone = StartFailed::Keeper(KeeperError::Gone);
        self.events.push((id, gone.event()));
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

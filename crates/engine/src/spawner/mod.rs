//! Who starts programs: a keeper, or where there can be none, we ourselves.

mod direct;
mod ended;
mod ender;
mod failed;
mod kept;
mod order;
mod outlet;
mod surroundings;

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hostledger_keeper as keeper;
use hostledger_lifecycle::process::Event;
use hostledger_model::{KillMode, OwnerId, ProcessId};
use hostledger_process::{ChildrenError, PidSpace, Signal, TreeRoot};
use rustix::event::epoll;

use self::direct::DirectPrograms;
use self::ender::Ender;
use self::kept::{KeptPrograms, Unkept};
use crate::port::{LaunchOrder, OutputPlace, Program, Returned, SignalFailed, Spawner};

/// How long what a stopped program has left behind may take to end by itself.
pub(crate) const REST_GRACE: Duration = Duration::from_secs(2);

/// Starts programs through a keeper, a small process of ours that stays their parent when we are
/// gone; without one, and on our terminal, as children of our own.
pub struct ProgramSpawner {
    // Dropped in this order: what is to be ended is, before the keeper is left.
    ender: Ender,
    direct: DirectPrograms,
    kept: Option<KeptPrograms>,
    readiness: OwnedFd,
}

/// Where a keeper works, and on what terms.
#[derive(Debug, Clone)]
pub struct KeeperPlace {
    /// Where its table is kept.
    pub directory: PathBuf,
    /// What it is.
    pub program: keeper::Program,
    /// Whose programs it keeps.
    pub owner: OwnerId,
}

/// Why this process cannot supervise programs.
#[derive(Debug, thiserror::Error)]
pub enum ProgramSpawnerError {
    /// Children cannot be watched.
    #[error(transparent)]
    Children(#[from] ChildrenError<ProcessId>),
    /// Descriptors have run out.
    #[error("cannot wait for several things at once")]
    Epoll(#[source] io::Error),
}

impl ProgramSpawner {
    /// A spawner without programs yet.
    ///
    /// # Errors
    /// Descriptors have run out.
    pub fn new(space: &PidSpace, keeper: Option<KeeperPlace>) -> Result<Self, ProgramSpawnerError> {
        let direct = DirectPrograms::new(space.clone())?;
        let readiness = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(epoll_failed)?;
        let token = epoll::EventData::new_u64(0);
        epoll::add(&readiness, direct.readiness(), token, epoll::EventFlags::IN)
            .map_err(epoll_failed)?;
        Ok(Self {
            ender: Ender::new(space.clone()),
            direct,
            kept: keeper.map(|place| KeptPrograms::new(place, space.clone())),
            readiness,
        })
    }

    /// Begins a keeper ahead of the first program: it takes a moment, in which others can work.
    pub fn prepare(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.prepare(&self.readiness);
        }
    }

    fn tree(&self, id: ProcessId, scope: KillMode) -> Option<TreeRoot> {
        let kept = self.kept.as_ref().and_then(|kept| kept.tree(id, scope));
        kept.or_else(|| self.direct.tree(id, scope))
    }
}

impl Spawner for ProgramSpawner {
    fn spawn(&mut self, program: Program, order: &Arc<LaunchOrder>) {
        match &mut self.kept {
            Some(kept) if !matches!(order.output, OutputPlace::Terminal) => {
                match kept.spawn(program, order, &self.readiness) {
                    Ok(()) => {}
                    Err(Unkept) => self.direct.spawn(program, order),
                }
            }
            _ => self.direct.spawn(program, order),
        }
    }

    fn room_ahead(&self) -> Option<usize> {
        self.kept.as_ref().and_then(KeptPrograms::room_ahead)
    }

    fn spawn_in_turn(&mut self, program: Program, order: &Arc<LaunchOrder>, at_once: u32) {
        let handed = match &mut self.kept {
            Some(kept) => kept.spawn_in_turn(program, order, at_once, &self.readiness),
            None => Err(Unkept),
        };
        if handed.is_err() {
            self.direct.spawn(program, order);
        }
    }

    fn limit_turns(&mut self, at_once: u32) {
        if let Some(kept) = &mut self.kept {
            kept.limit_turns(at_once);
        }
    }

    fn recall(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.recall();
        }
    }

    fn take_returned(&mut self) -> Vec<(ProcessId, Returned)> {
        let kept = self.kept.as_mut().map(KeptPrograms::take_returned);
        let direct = self.direct.take_returned();
        kept.unwrap_or_default().into_iter().chain(direct).collect()
    }

    fn signal(&mut self, id: ProcessId, signal: i32, scope: KillMode) -> Result<(), SignalFailed> {
        let failed = |source| SignalFailed { id, signal, source };
        let number =
            Signal::new(signal).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let root = self.tree(id, scope);
        let root = root.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        self.ender.signal(root, number).map_err(failed)
    }

    fn escalate(&mut self, id: ProcessId, kill_after: Duration) {
        if let Some(kept) = &mut self.kept {
            kept.escalate(id, kill_after);
        }
    }

    fn readiness(&self) -> BorrowedFd<'_> {
        self.readiness.as_fd()
    }

    fn take_events(&mut self) -> Vec<(ProcessId, Event)> {
        let mut events = Vec::new();
        if let Some(kept) = &mut self.kept {
            events = kept.take_events(&mut self.direct, &self.readiness);
        }
        events.extend(self.direct.take_events());
        events
    }

    fn release(&mut self, id: ProcessId, end_rest: Option<KillMode>) {
        let rest = end_rest
            .filter(|scope| *scope != KillMode::Process)
            .and_then(|scope| self.tree(id, scope));
        if let Some(rest) = rest
            && let Err(error) = self.ender.end(rest, REST_GRACE)
        {
            tracing::warn!(%error, %id, "what the process has left is not ended");
        }
        if let Some(kept) = &mut self.kept {
            kept.release(id);
        }
        self.direct.release(id);
    }
}

fn epoll_failed(error: rustix::io::Errno) -> ProgramSpawnerError {
    ProgramSpawnerError::Epoll(error.into())
}

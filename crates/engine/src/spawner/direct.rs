//! Programs that are our own children.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::thread::{self, JoinHandle};

use hostledger_keeper::tag;
use hostledger_lifecycle::process::Event;
use hostledger_model::{KillMode, ProcessId, ProcessIdentity, with_causes};
use hostledger_process::{
    Children, ChildrenError, Launched, Output, PidSpace, Pidfd, TerminalGuard, TreeRoot,
};

use super::ended;
use super::failed::StartFailed;
use super::outlet::Outlet;
use super::surroundings::Surroundings;
use crate::logs::LogOf;
use crate::port::{self, LaunchOrder, OutputPlace, Returned};

/// Starts and watches direct children of this process, and watches those inherited from a keeper.
///
/// Their ends are read without reaping, so that an end which is not written down yet can be read
/// again by whoever inherits the children.
pub(super) struct DirectPrograms {
    space: PidSpace,
    children: Children<ProcessId>,
    programs: HashMap<ProcessId, Program>,
    events: Vec<(ProcessId, Event)>,
    /// Of those that are part of a queue, who has come back.
    returned: Vec<(ProcessId, Returned)>,
}

/// What is kept of a child until it is released.
struct Program {
    identity: ProcessIdentity,
    tag: u64,
    log: LogOf,
    /// The thread that stops and goes on with a program that has our terminal.
    follower: Option<JoinHandle<()>>,
}

impl DirectPrograms {
    pub(super) fn new(space: PidSpace) -> Result<Self, ChildrenError<ProcessId>> {
        Ok(Self {
            children: Children::new(&space)?,
            space,
            programs: HashMap::new(),
            events: Vec::new(),
            returned: Vec::new(),
        })
    }

    pub(super) fn readiness(&self) -> BorrowedFd<'_> {
        self.children.as_fd()
    }

    pub(super) fn spawn(&mut self, program: port::Program, order: &LaunchOrder) {
        let event = match self.start(program, order) {
            Ok(event) => event,
            Err(error) if program.start_within.is_some() && error.is_shortage() => {
                tracing::warn!(error = with_causes(&error), "a start has to wait");
                return self.returned.push((program.id, Returned::Shortage));
            }
            Err(error) => error.event(),
        };
        self.events.push((program.id, event));
    }

    pub(super) fn take_returned(&mut self) -> Vec<(ProcessId, Returned)> {
        std::mem::take(&mut self.returned)
    }

    fn start(&mut self, of: port::Program, order: &LaunchOrder) -> Result<Event, StartFailed> {
        let launch = order.tagged(tag(of.id, of.attempt))?;
        let on_terminal = matches!(order.output, OutputPlace::Terminal);
        if on_terminal && self.programs.values().any(|it| it.follower.is_some()) {
            return Err(StartFailed::TerminalTaken);
        }
        let outlet = Outlet::open(order, &mut Surroundings::default())?;
        let guard = on_terminal.then(TerminalGuard::begin).transpose()?;
        let launched = launch
            .start(&self.space, Output::Given(outlet.stdio()))
            .inspect_err(|_| outlet.discard())?;
        // What nobody watches must not run.
        let follower = match self.watch(of.id, guard, &launched) {
            Ok(follower) => follower,
            Err(error) => {
                launched.undo();
                return Err(error);
            }
        };
        let program = Program {
            identity: launched.identity.clone(),
            tag: tag(of.id, of.attempt),
            log: LogOf::order(order, outlet.begins()),
            follower,
        };
        self.programs.insert(of.id, program);
        Ok(Event::Spawned {
            identity: launched.identity,
            started_at: launched.started_at,
            log: outlet.place(),
        })
    }

    fn watch(
        &mut self,
        id: ProcessId,
        guard: Option<TerminalGuard>,
        launched: &Launched,
    ) -> Result<Option<JoinHandle<()>>, StartFailed> {
        let follower = guard.map(|guard| follow(guard, launched)).transpose();
        let follower = follower.map_err(StartFailed::Follow)?;
        let pidfd = launched.pidfd.try_clone().map_err(StartFailed::Follow)?;
        self.children.add(id, pidfd)?;
        Ok(follower)
    }

    /// Goes on with a program whose keeper has died: it is our child now if we are a subreaper.
    pub(super) fn adopt(
        &mut self,
        id: ProcessId,
        tag: u64,
        identity: ProcessIdentity,
        pidfd: Pidfd,
        log: LogOf,
    ) {
        if let Err(error) = self.children.add(id, pidfd) {
            let error = &error as &dyn Error;
            tracing::error!(error, %id, "a process whose keeper has died cannot be watched");
            self.events.push((id, Event::Lost));
            return;
        }
        let program = Program {
            identity,
            tag,
            log,
            follower: None,
        };
        self.programs.insert(id, program);
    }

    /// What descends from a program, as far as `scope` reaches.
    pub(super) fn tree(&self, id: ProcessId, scope: KillMode) -> Option<TreeRoot> {
        let program = self.programs.get(&id)?;
        let leader = self.children.pidfd(&id)?;
        Some(TreeRoot {
            identity: program.identity.clone(),
            leader: leader.try_clone().ok(),
            tag: Some(program.tag),
            group: None,
            // A program on our terminal is in our process group: that is not its own.
            scope: match (scope, program.follower.is_some()) {
                (KillMode::Group, true) => KillMode::Process,
                (scope, _) => scope,
            },
        })
    }

    pub(super) fn take_events(&mut self) -> Vec<(ProcessId, Event)> {
        let mut events = std::mem::take(&mut self.events);
        match self.children.take_ended() {
            Ok(ended) => events.extend(ended.iter().map(|end| {
                let log = self.programs.get(&end.key).map(|program| &program.log);
                (end.key, ended::event(end.status, log))
            })),
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::error!(error, "the end of a child could not be read");
            }
        }
        events
    }

    pub(super) fn release(&mut self, id: ProcessId) {
        let program = self.programs.remove(&id);
        if let Some(follower) = program.and_then(|program| program.follower)
            && follower.join().is_err()
        {
            tracing::error!("the thread that followed the program on the terminal has panicked");
        }
        // One that could not be started is no child.
        if self.children.pidfd(&id).is_some()
            && let Err(error) = self.children.release(&id)
        {
            let error = &error as &dyn Error;
            tracing::warn!(error, "a child was not reaped");
        }
    }
}

/// A thread that stops and goes on with a program that has our terminal.
fn follow(guard: TerminalGuard, launched: &Launched) -> io::Result<JoinHandle<()>> {
    let program = launched.pidfd.try_clone()?;
    thread::Builder::new()
        .name("hostledger-terminal".to_owned())
        .spawn(move || {
            if let Err(error) = guard.wait(&program) {
                let error = &error as &dyn Error;
                tracing::warn!(error, "the program on the terminal is no longer followed");
            }
        })
}

//! A fake of whoever starts programs, and of whoever sees to turns.

use std::collections::VecDeque;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hostledger_engine::port::{LaunchOrder, Program, Returned, SignalFailed, Spawner};
use hostledger_lifecycle::process::Event;
use hostledger_model::{KillMode, LogPlace, ProcessId, Termination, Timestamp};

use crate::bench::{World, end, exit, identity, raise};

/// What whoever sees to turns knows.
#[derive(Default)]
pub(crate) struct Turns {
    /// How many can wait; none where nobody sees to turns.
    pub(crate) room: Option<usize>,
    pub(crate) limit: u32,
    pub(crate) running: Vec<ProcessId>,
    pub(crate) waiting: VecDeque<(Program, Arc<LaunchOrder>)>,
    pub(crate) returned: Vec<(ProcessId, Returned)>,
    /// Whether no recall is heard.
    pub(crate) is_deaf: bool,
}

impl Turns {
    /// Has all come back that wait.
    pub(crate) fn give_back(&mut self) {
        let waiting = self.waiting.drain(..);
        let recalled = waiting.map(|(program, _)| (program.id, Returned::Recalled));
        self.returned.extend(recalled);
    }
}

/// A program that cannot be started for want of something.
pub(crate) const SHORT: &str = "short";

pub(crate) struct FakeSpawner {
    pub(crate) world: Arc<World>,
    pub(crate) ready: Arc<OwnedFd>,
    pub(crate) now: Box<dyn Fn() -> Timestamp + Send>,
}

impl FakeSpawner {
    /// Starts those whose turn it is.
    fn follow(&mut self) {
        loop {
            let mut turns = self.world.turns.lock().unwrap();
            if turns.running.len() >= turns.limit as usize {
                return;
            }
            let Some((program, order)) = turns.waiting.pop_front() else {
                return;
            };
            turns.running.push(program.id);
            drop(turns);
            self.spawn(program, &order);
        }
    }
}

impl Spawner for FakeSpawner {
    fn spawn(&mut self, program: Program, order: &Arc<LaunchOrder>) {
        let id = program.id;
        if order.command[0] == SHORT && program.start_within.is_some() {
            let mut turns = self.world.turns.lock().unwrap();
            turns.running.retain(|running| *running != id);
            turns.returned.push((id, Returned::Shortage));
            return;
        }
        self.world.tell("spawned");
        self.world.spawned.lock().unwrap().push(id);
        let program = order.command[0].to_str().unwrap();
        let event = match program {
            "missing" => Event::SpawnFailed {
                exit_code: 127,
                reason: "no such program".to_owned(),
            },
            _ => Event::Spawned {
                identity: identity(),
                started_at: (self.now)(),
                log: LogPlace::Terminal,
            },
        };
        let mut events = self.world.events.lock().unwrap();
        events.push_back((id, event));
        if program == "quick" {
            events.push_back((id, exit(0)));
        }
    }

    fn room_ahead(&self) -> Option<usize> {
        let turns = self.world.turns.lock().unwrap();
        turns.room.map(|room| room - turns.waiting.len())
    }

    fn spawn_in_turn(&mut self, program: Program, order: &Arc<LaunchOrder>, at_once: u32) {
        assert!(program.start_within.is_some());
        let mut turns = self.world.turns.lock().unwrap();
        turns.limit = at_once;
        turns.waiting.push_back((program, Arc::clone(order)));
        drop(turns);
        self.follow();
    }

    fn limit_turns(&mut self, at_once: u32) {
        self.world.tell(format!("limit {at_once}"));
        self.world.turns.lock().unwrap().limit = at_once;
        self.follow();
    }

    fn recall(&mut self) {
        let mut turns = self.world.turns.lock().unwrap();
        if !turns.is_deaf {
            turns.give_back();
            raise(&self.ready);
        }
    }

    fn take_returned(&mut self) -> Vec<(ProcessId, Returned)> {
        std::mem::take(&mut self.world.turns.lock().unwrap().returned)
    }

    fn signal(&mut self, id: ProcessId, signal: i32, _: KillMode) -> Result<(), SignalFailed> {
        self.world.tell(format!("signal {signal}"));
        if signal == 9 {
            end(&self.world, &self.ready, id, Termination::Signaled(9));
        }
        Ok(())
    }

    fn readiness(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }

    fn take_events(&mut self) -> Vec<(ProcessId, Event)> {
        // EAGAIN: nothing was raised since.
        let _ = rustix::io::read(&*self.ready, &mut [0; 8]);
        self.world.rounds.fetch_add(1, Ordering::SeqCst);
        let events: Vec<_> = self.world.events.lock().unwrap().drain(..).collect();
        for (id, event) in &events {
            if matches!(event, Event::Exited(_) | Event::SpawnFailed { .. }) {
                let mut turns = self.world.turns.lock().unwrap();
                turns.running.retain(|running| running != id);
            }
        }
        self.follow();
        if !self.world.events.lock().unwrap().is_empty() {
            raise(&self.ready);
        }
        events
    }

    fn escalate(&mut self, _: ProcessId, kill_after: Duration) {
        let seconds = kill_after.as_secs_f64().round();
        self.world.tell(format!("kill due in {seconds} s"));
    }

    fn release(&mut self, _: ProcessId, end_rest: Option<KillMode>) {
        self.world.tell(if end_rest.is_some() {
            "released with the rest"
        } else {
            "released"
        });
    }
}

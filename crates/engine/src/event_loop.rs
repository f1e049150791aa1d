//! The loop: waits for what happens, has it decided, carries it out.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use hostledger_lifecycle::process::{Context, Effect, Event, Timer, handle};
use hostledger_model::{KillMode, ProcessChange, ProcessId, ProcessStatus, Timestamp};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::engine::Parts;
use crate::message::Message;
use crate::port::BookError;
use crate::supervised::Supervised;
use crate::timers::Timers;
use crate::waker::Waker;
use crate::watch::{NotRecorded, Progress};

const SIGKILL: i32 = 9;

pub(crate) struct EventLoop {
    parts: Parts,
    inbox: Receiver<Message>,
    outbox: Sender<Message>,
    waker: Arc<Waker>,
    supervised: HashMap<ProcessId, Supervised>,
    timers: Timers,
    closing: bool,
}

impl EventLoop {
    pub(crate) fn new(
        parts: Parts,
        inbox: Receiver<Message>,
        outbox: Sender<Message>,
        waker: Arc<Waker>,
    ) -> Self {
        Self {
            parts,
            inbox,
            outbox,
            waker,
            supervised: HashMap::new(),
            timers: Timers::default(),
            closing: false,
        }
    }

    /// Runs until it is told to close and everything that has happened is written down.
    pub(crate) fn run(mut self) {
        while !(self.closing && self.supervised.values().all(Supervised::is_settled)) {
            self.wait();
            self.waker.clear();
            while let Ok(message) = self.inbox.try_recv() {
                self.receive(message);
            }
            self.take_spawner_events();
            for (id, timer) in self.timers.take_due(self.parts.clock.elapsed()) {
                let event = match timer {
                    Timer::Timeout => Event::TimedOut,
                    Timer::Grace => Event::GraceOver,
                };
                self.feed(id, event);
            }
        }
    }

    /// Sleeps until something is to be done.
    fn wait(&mut self) {
        let timeout = self
            .timers
            .next_in(self.parts.clock.elapsed())
            .map(timespec);
        let mut fds = [
            PollFd::new(&*self.waker, PollFlags::IN),
            PollFd::from_borrowed_fd(self.parts.spawner.readiness(), PollFlags::IN),
        ];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            // Only a kernel out of memory is left (poll(2)); going round again is all there is.
            Err(error) => tracing::error!(%error, "the event loop failed to wait"),
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Launch {
                process,
                order,
                watch,
            } => {
                let id = process.id;
                self.supervised
                    .insert(id, Supervised::new(*process, order, watch));
                self.advance(id);
            }
            Message::Stop { id, request, grace } => {
                self.feed(id, Event::StopRequested { request, grace });
            }
            Message::Signal { id, signal } => {
                if let Some(supervised) = self.supervised.get(&id) {
                    let scope = supervised.process.kill_mode;
                    self.carry_out(id, Effect::Signal { signal, scope });
                }
            }
            Message::Saved { id, result } => self.saved(id, result),
            Message::Close => self.closing = true,
        }
    }

    fn take_spawner_events(&mut self) {
        for (id, event) in self.parts.spawner.take_events() {
            if let Some(supervised) = self.supervised.get_mut(&id)
                && matches!(event, Event::Spawned { .. } | Event::SpawnFailed { .. })
            {
                supervised.starting = false;
            }
            self.feed(id, event);
        }
    }

    fn feed(&mut self, id: ProcessId, event: Event) {
        if let Some(supervised) = self.supervised.get_mut(&id) {
            supervised.events.push_back(event);
            self.advance(id);
        }
    }

    /// Does for a process whatever can be done now.
    fn advance(&mut self, id: ProcessId) {
        while let Some(supervised) = self.supervised.get_mut(&id) {
            if supervised.saving.is_some() {
                return;
            }
            if let Some(effect) = supervised.effects.pop_front() {
                self.carry_out(id, effect);
            } else if let Some(event) = supervised.events.pop_front() {
                let (machine, owner) = (self.parts.machine, self.parts.owner);
                let now = self.parts.clock.now();
                let mut context = Context::new(&supervised.process, machine, owner, now, chance());
                handle(&event, &mut context);
                supervised.effects = context.into_effects().into();
                supervised.handling = Some(event);
            } else {
                if supervised.is_over() {
                    self.finish(id);
                }
                return;
            }
        }
    }

    fn carry_out(&mut self, id: ProcessId, effect: Effect) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        match effect {
            Effect::Spawn => {
                supervised.starting = true;
                self.parts.spawner.spawn(id, &supervised.order);
                // What came of it may be known already, without the descriptor becoming ready.
                self.waker.wake();
            }
            Effect::Save(change) => {
                let now = self.parts.clock.now();
                supervised.saving = Some((change.clone(), now));
                self.save(id, change, now);
            }
            Effect::Signal { signal, scope } => {
                if let Err(error) = self.parts.spawner.signal(id, signal, scope) {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a signal was not sent");
                }
            }
            Effect::Arm { timer, at } => {
                let elapsed = self.parts.clock.elapsed();
                let delay = at
                    .since(self.parts.clock.now())
                    .to_std()
                    .unwrap_or(Duration::ZERO);
                self.timers.arm(id, timer, elapsed.saturating_add(delay));
            }
            Effect::CountUse { succeeded } => {
                self.parts
                    .book
                    .count_use(&supervised.process, succeeded, self.parts.clock.now());
            }
        }
    }

    fn save(&self, id: ProcessId, change: ProcessChange, now: Timestamp) {
        let (outbox, waker) = (self.outbox.clone(), Arc::clone(&self.waker));
        let saved = Box::new(move |result| {
            // The loop may have ended: then nobody waits for this any more.
            if outbox.send(Message::Saved { id, result }).is_ok() {
                waker.wake();
            }
        });
        self.parts
            .book
            .save(id, self.parts.owner, change, now, saved);
    }

    fn saved(&mut self, id: ProcessId, result: Result<bool, BookError>) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        let Some((change, now)) = supervised.saving.take() else {
            return;
        };
        match result {
            Ok(true) => {
                change.apply(&mut supervised.process, now);
                if supervised.process.status == ProcessStatus::Running {
                    let running = Box::new(supervised.process.clone());
                    supervised.watch.tell(Progress::Running(running));
                }
                self.advance(id);
            }
            // Somebody else has asked before us: their request stands.
            Ok(false) if matches!(change, ProcessChange::StopRequested(_)) => self.advance(id),
            Ok(false) if self.knows_of_stop_now(id) => self.advance(id),
            Ok(false) => self.give_up(id, &change, NotRecorded::TakenOver { id }),
            Err(source) => {
                let exit_code = match &change {
                    ProcessChange::Ended(ended) => ended.exit_code,
                    ProcessChange::Requeued(requeued) => requeued.ended.exit_code,
                    _ => None,
                };
                self.give_up(
                    id,
                    &change,
                    NotRecorded::Failed {
                        id,
                        exit_code,
                        source,
                    },
                );
            }
        }
    }

    /// Whether a change was refused as somebody else has asked for a stop that we did not know
    /// of. If so, we do now, and the event is to be handled again.
    fn knows_of_stop_now(&mut self, id: ProcessId) -> bool {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return false;
        };
        if supervised.process.stop.is_some() {
            return false;
        }
        let stop = match self.parts.book.read(id) {
            Ok(row) => row
                .filter(|row| row.owner == Some(self.parts.owner))
                .and_then(|row| row.stop),
            Err(error) => {
                tracing::warn!(%error, %id, "a row that refused a change cannot be read");
                None
            }
        };
        let (Some(stop), Some(event)) = (stop, supervised.handling.take()) else {
            return false;
        };
        supervised.process.stop = Some(stop);
        supervised.effects.clear();
        supervised.events.push_front(event);
        true
    }

    /// All is written down: the spawner may forget the process, and so do we.
    fn finish(&mut self, id: ProcessId) {
        self.parts.spawner.release(id);
        self.timers.disarm(id);
        if let Some(supervised) = self.supervised.remove(&id) {
            let process = Box::new(supervised.process);
            supervised.watch.tell(match process.status {
                ProcessStatus::Queued => Progress::Queued(process),
                ProcessStatus::Running | ProcessStatus::Exited => Progress::Ended(process),
            });
        }
    }

    /// Its row cannot be kept up. A process whose very start could not be written is ended, as
    /// it would run again when its row is taken for queued; any other is left alone.
    fn give_up(&mut self, id: ProcessId, change: &ProcessChange, reason: NotRecorded) {
        if matches!(change, ProcessChange::Started(_)) {
            self.carry_out(
                id,
                Effect::Signal {
                    signal: SIGKILL,
                    scope: KillMode::Tree,
                },
            );
        }
        self.timers.disarm(id);
        if let Some(supervised) = self.supervised.remove(&id) {
            supervised.watch.tell(Progress::NotRecorded(reason));
        }
    }
}

/// A random number from 0 to 1; nothing depends on its being unpredictable.
fn chance() -> f64 {
    f64::from(RandomState::new().hash_one(Timestamp::now()) as u32) / f64::from(u32::MAX)
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

//! The loop: waits for what happens, has it decided, carries it out.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use hostledger_lifecycle::process::{Context, Effect, Event, Timer, handle};
use hostledger_model::{KillMode, ProcessChange, ProcessId, ProcessStatus, Timestamp, with_causes};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::engine::Parts;
use crate::message::Message;
use crate::port::BookError;
use crate::supervised::{Saving, Supervised};
use crate::timers::{Alarm, Timers};
use crate::waker::Waker;
use crate::watch::{NotRecorded, Progress};

const SIGKILL: i32 = 9;

/// Between tries to write a change, doubling; the store has waited for locks before each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many failures those who wait for a process are spared.
const PATIENCE: u32 = 5;

pub(crate) struct EventLoop {
    parts: Parts,
    inbox: Receiver<Message>,
    outbox: Sender<Message>,
    waker: Arc<Waker>,
    supervised: HashMap<ProcessId, Supervised>,
    /// Processes of ours whose rows are somebody else's: to be reaped, not recorded.
    abandoned: HashSet<ProcessId>,
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
            abandoned: HashSet::new(),
            timers: Timers::default(),
            closing: false,
        }
    }

    /// Runs until it is told to close and everything that has happened is written down.
    pub(crate) fn run(mut self) {
        while !(self.closing && self.supervised.values().all(Supervised::can_be_left)) {
            self.wait();
            self.waker.clear();
            while let Ok(message) = self.inbox.try_recv() {
                self.receive(message);
            }
            self.take_spawner_events();
            for (id, alarm) in self.timers.take_due(self.parts.clock.elapsed()) {
                match alarm {
                    Alarm::Lifecycle(Timer::Timeout) => self.feed(id, Event::TimedOut),
                    Alarm::Lifecycle(Timer::Grace) => self.feed(id, Event::GraceOver),
                    Alarm::SaveAgain => self.save(id),
                }
            }
        }
        let unwritten = self.supervised.iter().filter(|(_, supervised)| {
            let saving = supervised.saving.as_ref();
            saving.is_some_and(|saving| matches!(saving.change, ProcessChange::Started(_)))
        });
        for id in unwritten.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end_unrecorded(id);
        }
    }

    /// Ends a program whose start cannot be written down.
    fn end_unrecorded(&mut self, id: ProcessId) {
        let kill = Effect::Signal {
            signal: SIGKILL,
            scope: KillMode::Tree,
        };
        self.carry_out(id, kill);
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
            if matches!(event, Event::Exited(_) | Event::Lost) && self.abandoned.remove(&id) {
                self.parts.spawner.release(id, None);
                continue;
            }
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
                let status = handle(&event, &mut context);
                supervised.effects = context.into_effects().into();
                let effects = supervised.effects.len();
                tracing::debug!(%id, event = event.name(), %status, effects, "decided");
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
                self.parts
                    .spawner
                    .spawn(&supervised.process, &supervised.order);
                // What came of it may be known already, without the descriptor becoming ready.
                self.waker.wake();
            }
            Effect::Save(change) => {
                let now = self.parts.clock.now();
                supervised.saving = Some(Saving {
                    change,
                    now,
                    failures: 0,
                });
                self.save(id);
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
                if timer == Timer::Grace {
                    self.parts.spawner.escalate(id, delay);
                }
                self.timers
                    .arm(id, Alarm::Lifecycle(timer), elapsed.saturating_add(delay));
            }
            Effect::CountUse { succeeded } => {
                self.parts
                    .book
                    .count_use(&supervised.process, succeeded, self.parts.clock.now());
            }
        }
    }

    /// Has the change that a process is at written, or written again.
    fn save(&self, id: ProcessId) {
        let Some(saving) = self
            .supervised
            .get(&id)
            .and_then(|supervised| supervised.saving.as_ref())
        else {
            return;
        };
        let (outbox, waker) = (self.outbox.clone(), Arc::clone(&self.waker));
        let saved = Box::new(move |result| {
            // The loop may have ended: then nobody waits for this any more.
            if outbox.send(Message::Saved { id, result }).is_ok() {
                waker.wake();
            }
        });
        self.parts.book.save(
            id,
            self.parts.owner,
            saving.change.clone(),
            saving.now,
            saved,
        );
    }

    fn saved(&mut self, id: ProcessId, result: Result<bool, BookError>) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        let Some(saving) = supervised.saving.take() else {
            return;
        };
        let is_stop = matches!(saving.change, ProcessChange::StopRequested(_));
        match result {
            Ok(true) => self.written(id, &saving),
            // Somebody else has asked before us: their request stands.
            Ok(false) if is_stop => self.advance(id),
            Ok(false) if self.knows_of_stop_now(id) => self.advance(id),
            Ok(false) => self.give_up(id, &saving.change),
            Err(error) if is_stop => {
                // Whoever wants an end is not made to wait for a disk.
                tracing::warn!(%id, error = with_causes(&*error), "a request to stop was not written");
                self.written(id, &saving);
            }
            Err(error) => self.save_later(id, saving, error),
        }
    }

    fn written(&mut self, id: ProcessId, saving: &Saving) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        saving.change.apply(&mut supervised.process, saving.now);
        if matches!(saving.change, ProcessChange::Started(_)) {
            self.parts.book.opened(&supervised.process);
        }
        if supervised.process.status == ProcessStatus::Running {
            let running = Box::new(supervised.process.clone());
            supervised.watch.tell(Progress::Running(running));
        }
        self.advance(id);
    }

    /// A change could not be written: it is tried again until it can, and those who wait are told
    /// when that takes long.
    fn save_later(&mut self, id: ProcessId, saving: Saving, source: BookError) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        let failures = saving.failures + 1;
        tracing::warn!(%id, failures, error = with_causes(&*source), "a change was not written");
        let is_start = matches!(saving.change, ProcessChange::Started(_));
        let exit_code = saving.exit_code().or_else(|| supervised.exit_code());
        // What runs without its start being written would run again: it is ended first.
        if failures >= PATIENCE && (!is_start || exit_code.is_some()) {
            let reason = NotRecorded::Failed {
                id,
                exit_code,
                source,
            };
            supervised.watch.tell(Progress::NotRecorded(reason));
        }
        supervised.saving = Some(Saving { failures, ..saving });
        if is_start && failures == PATIENCE {
            self.end_unrecorded(id);
        }
        let pause = FIRST_PAUSE
            .saturating_mul(1 << (failures - 1).min(16))
            .min(LONGEST_PAUSE);
        self.timers.arm(
            id,
            Alarm::SaveAgain,
            self.parts.clock.elapsed().saturating_add(pause),
        );
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
                tracing::warn!(%id, error = with_causes(&*error), "a row that refused a change cannot be read");
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

    /// All is written down: the spawner may forget the process, and so do we. When its end was
    /// asked for, what it has left is ended with it, as far as its kill mode reaches.
    fn finish(&mut self, id: ProcessId) {
        self.timers.disarm(id);
        let Some(supervised) = self.supervised.remove(&id) else {
            return;
        };
        let process = Box::new(supervised.process);
        let end_rest = process.stop.is_some().then_some(process.kill_mode);
        self.parts.spawner.release(id, end_rest);
        self.parts.book.closed(&process);
        supervised.watch.tell(match process.status {
            ProcessStatus::Queued => Progress::Queued(process),
            ProcessStatus::Running | ProcessStatus::Exited => Progress::Ended(process),
        });
    }

    /// Its row is somebody else's now. A process whose start was refused is ended: it would run
    /// again when that row is taken for queued; any other goes on, and is reaped when it ends.
    fn give_up(&mut self, id: ProcessId, refused: &ProcessChange) {
        match refused {
            ProcessChange::Ended(_) | ProcessChange::Requeued(_) => {
                self.parts.spawner.release(id, None);
            }
            ProcessChange::Started(_) => {
                self.abandoned.insert(id);
                self.end_unrecorded(id);
            }
            ProcessChange::Claimed { .. }
            | ProcessChange::Deferred { .. }
            | ProcessChange::Detached
            | ProcessChange::StopRequested(_) => {}
        }
        self.timers.disarm(id);
        if let Some(supervised) = self.supervised.remove(&id) {
            supervised
                .watch
                .tell(Progress::NotRecorded(NotRecorded::TakenOver { id }));
        }
    }
}

impl Drop for EventLoop {
    /// Nobody waits for a loop that has ended, be it by a panic.
    fn drop(&mut self) {
        for (id, supervised) in &self.supervised {
            if matches!(
                supervised.watch.progress(),
                Progress::Starting | Progress::Running(_)
            ) {
                let reason = NotRecorded::Unsupervised { id: *id };
                supervised.watch.tell(Progress::NotRecorded(reason));
            }
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

//! The loop: waits for what happens, has it decided, carries it out.

mod saving;
mod work;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use hostledger_lifecycle::process::{Context, Effect, Event, Timer, handle};
use hostledger_model::{KillMode, ProcessId, ProcessStatus, Timestamp};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::engine::Parts;
use crate::message::Message;
use crate::port::Program;
use crate::supervised::{Saving, Supervised};
use crate::take_over::TakeOver;
use crate::timers::{Alarm, Timers};
use crate::waker::Waker;
use crate::watch::{NotRecorded, Progress};
use crate::work::Work;

const SIGKILL: i32 = 9;

pub(crate) struct EventLoop {
    parts: Parts,
    inbox: Receiver<Message>,
    outbox: Sender<Message>,
    waker: Arc<Waker>,
    supervised: HashMap<ProcessId, Supervised>,
    /// Processes of ours whose rows are somebody else's: to be reaped, not recorded.
    abandoned: HashSet<ProcessId>,
    timers: Timers,
    work: Option<Work>,
    /// Of work that is over, while they end; waited for when the loop has ended.
    retired: Vec<TakeOver>,
    /// What came of a start may be known already, without a descriptor that tells.
    has_started: bool,
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
            work: None,
            retired: Vec::new(),
            has_started: false,
            closing: false,
        }
    }

    /// Runs until it is told to close and everything that has happened is written down.
    pub(crate) fn run(mut self) {
        while !self.is_over() {
            self.wait();
            while let Ok(message) = self.inbox.try_recv() {
                self.receive(message);
            }
            self.take_spawner_events();
            let _came_back = self.take_returned();
            for (id, alarm) in self.timers.take_due(self.parts.clock.elapsed()) {
                match alarm {
                    Alarm::Lifecycle(Timer::Timeout) => self.feed(id, Event::TimedOut),
                    Alarm::Lifecycle(Timer::Grace) => self.feed(id, Event::GraceOver),
                    Alarm::SaveAgain => self.save(id),
                    Alarm::Overtake => self.overtake(id),
                }
            }
            self.tend_work();
        }
        let unwritten = self
            .supervised
            .iter()
            .filter(|(_, supervised)| supervised.unwritten.iter().any(Saving::is_start));
        for id in unwritten.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end_unrecorded(id);
        }
    }

    fn is_over(&self) -> bool {
        let can_be_left = || self.supervised.values().all(Supervised::can_be_left);
        self.closing && self.work.is_none() && can_be_left()
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
        let timer = self.timers.next_in(self.parts.clock.elapsed());
        let due_in = self.work_is_due_in();
        let timeout = timer.into_iter().chain(due_in).min();
        let timeout = if std::mem::take(&mut self.has_started) {
            Some(Duration::ZERO)
        } else {
            timeout
        };
        let timeout = timeout.map(timespec);
        let mut fds = vec![
            PollFd::new(&*self.waker, PollFlags::IN),
            PollFd::from_borrowed_fd(self.parts.spawner.readiness(), PollFlags::IN),
        ];
        fds.extend(
            self.news_of_work()
                .map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN)),
        );
        // What is due at a time of day is waited for as a span, which a step of the clock changes.
        let steps = self.parts.clock.steps().filter(|_| due_in.is_some());
        let steps_at = steps.map(|_| fds.len());
        fds.extend(steps.map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN)));
        let polled = poll(&mut fds, timeout.as_ref());
        let is_ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let is_woken = is_ready(0);
        let has_stepped = steps_at.is_some_and(is_ready);
        match polled {
            Ok(_) if is_woken => self.waker.clear(),
            Ok(_) | Err(Errno::INTR) => {}
            // Only a kernel out of memory is left (poll(2)); going round again is all there is.
            Err(error) => tracing::error!(%error, "the event loop failed to wait"),
        }
        if has_stepped {
            self.parts.clock.take_steps();
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
                let supervised = Supervised::new(*process, Some(order), Some(watch), Event::Launch);
                self.supervised.insert(id, supervised);
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
            Message::Work {
                plan,
                take_over,
                watch,
            } => self.begin_work(*plan, take_over, watch),
            Message::EndWork(at_end) => self.begin_to_end_work(at_end),
            Message::Claimed(claims) => self.claimed(claims),
            Message::GivenBack { id, result } => self.given_back(id, result),
            Message::Close => self.closing = true,
        }
    }

    /// Takes in all that has happened before any of it is handled: a program that has started and
    /// ended since is written down at once.
    fn take_spawner_events(&mut self) {
        let events = self.parts.spawner.take_events();
        let mut ids = Vec::with_capacity(events.len());
        for (id, event) in events {
            if matches!(event, Event::Exited(_) | Event::Lost) && self.abandoned.remove(&id) {
                self.parts.spawner.release(id, None);
                if let Some(work) = &mut self.work {
                    work.taken_over(id);
                }
                continue;
            }
            let follows = self.note_in_work(id, &event);
            let Some(supervised) = self.supervised.get_mut(&id) else {
                continue;
            };
            if matches!(event, Event::Spawned { .. } | Event::SpawnFailed { .. }) {
                supervised.starting = false;
            }
            supervised.events.extend([event].into_iter().chain(follows));
            ids.push(id);
        }
        for id in ids {
            self.advance(id);
        }
    }

    fn feed(&mut self, id: ProcessId, event: Event) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        let ends = is_wish_to_end(&event);
        supervised.events.push_back(event);
        self.advance(id);
        if ends {
            self.limit_wait(id);
        }
    }

    /// Does for a process whatever can be done now.
    fn advance(&mut self, id: ProcessId) {
        while let Some(supervised) = self.supervised.get_mut(&id) {
            if supervised.waits_for_its_row() {
                return;
            }
            if supervised.has_come_and_gone() {
                self.save_whole(id);
                return;
            }
            if let Some(effect) = supervised.effects.pop_front() {
                self.carry_out(id, effect);
            } else if let Some(event) = supervised.events.pop_front() {
                let (machine, owner) = (self.parts.machine, self.parts.owner);
                let (now, elapsed) = (self.parts.clock.now(), self.parts.clock.elapsed());
                supervised.decided_at = Some((now, elapsed));
                let mut context = Context::new(&supervised.process, machine, owner, now, chance());
                context.keeps = supervised.is_kept();
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
                // What goes on without one was started by somebody else.
                let Some(order) = &supervised.order else {
                    return;
                };
                supervised.starting = true;
                let mut program = Program::from(&supervised.process);
                if supervised.watch.is_none() {
                    let now = self.parts.clock.now();
                    program.start_within = Some(Work::start_within(&supervised.process, now));
                }
                match self.work.as_mut().and_then(|work| work.turn_of(id)) {
                    Some(turns) => {
                        self.parts.spawner.spawn_in_turn(program, order, turns);
                    }
                    None => self.parts.spawner.spawn(program, order),
                }
                self.has_started = true;
            }
            Effect::Save(change) => self.begin_save(id, change),
            Effect::Signal { signal, scope } => {
                if let Err(error) = self.parts.spawner.signal(id, signal, scope) {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a signal was not sent");
                }
            }
            Effect::Arm { timer, at } => {
                // The clock may have been set since this was decided.
                let clock = &self.parts.clock;
                let at_once = || (clock.now(), clock.elapsed());
                let (now, elapsed) = supervised.decided_at.unwrap_or_else(at_once);
                let delay = at.since(now).to_std().unwrap_or_default();
                let due = elapsed.saturating_add(delay);
                if timer == Timer::Grace {
                    let left = due.saturating_sub(self.parts.clock.elapsed());
                    self.parts.spawner.escalate(id, left);
                }
                self.timers.arm(id, Alarm::Lifecycle(timer), due);
            }
            // It was counted when the end was written: see `begin_save`.
            Effect::CountUse { .. } => {}
        }
    }

    /// All is written down: the spawner may forget the process, and so do we. When its end was
    /// asked for, what it has left is ended with it, as far as its kill mode reaches.
    fn finish(&mut self, id: ProcessId) {
        self.timers.disarm(id);
        let Some(supervised) = self.supervised.remove(&id) else {
            return;
        };
        let process = supervised.process;
        let end_rest = process.stop.is_some().then_some(process.kill_mode);
        self.parts.spawner.release(id, end_rest);
        self.parts.book.closed(&process);
        if let Some(watch) = supervised.watch {
            let process = Box::new(process);
            watch.tell(match process.status {
                ProcessStatus::Queued => Progress::Queued(process),
                ProcessStatus::Running | ProcessStatus::Exited => Progress::Ended(process),
            });
        } else if let Some(work) = &mut self.work {
            work.finished(process);
        }
    }
}

impl Drop for EventLoop {
    /// Nobody waits for a loop that has ended, be it by a panic.
    fn drop(&mut self) {
        for (id, supervised) in &self.supervised {
            if let Some(watch) = &supervised.watch
                && matches!(watch.progress(), Progress::Starting | Progress::Running(_))
            {
                let reason = NotRecorded::Unsupervised { id: *id };
                watch.tell(Progress::NotRecorded(reason));
            }
        }
        if let Some(work) = &self.work {
            work.watch.tell_over();
        }
    }
}

/// Whether somebody wants the process to end, and is not to wait for a database.
fn is_wish_to_end(event: &Event) -> bool {
    matches!(
        event,
        Event::StopRequested { .. } | Event::TimedOut | Event::GraceOver
    )
}

/// A random number from 0 to 1; nothing depends on its being unpredictable.
pub(crate) fn chance() -> f64 {
    f64::from(RandomState::new().hash_one(Timestamp::now()) as u32) / f64::from(u32::MAX)
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

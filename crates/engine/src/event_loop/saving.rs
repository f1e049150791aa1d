//! Changes on their way into the row of a process.

use std::sync::Arc;
use std::time::Duration;

use hostledger_lifecycle::process::{Context, Effect, catch_up};
use hostledger_model::{ProcessChange, ProcessId, ProcessStatus, StopRequest, with_causes};

use super::{EventLoop, chance};
use crate::message::Message;
use crate::port::{BookError, Writing};
use crate::supervised::{Saving, Supervised};
use crate::timers::Alarm;
use crate::watch::{NotRecorded, Progress};

/// How long an end that somebody wants waits for the database.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Between tries to write a change, doubling; the store has waited for locks before each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many failures those who wait for a process are spared.
const PATIENCE: u32 = 5;

impl EventLoop {
    /// Has a change written. What follows waits for that, unless it follows one that nobody waits
    /// for any more.
    pub(super) fn begin_save(&mut self, id: ProcessId, change: ProcessChange) {
        let now = self.parts.clock.now();
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        let is_start = matches!(change, ProcessChange::Started(_));
        let is_stopped = supervised.process.stop.is_some();
        let is_first = supervised.unwritten.is_empty();
        let mut saving = Saving::new(change, now);
        if let Some(Effect::CountUse { succeeded }) = supervised.effects.front() {
            saving.counts = Some(*succeeded);
        }
        supervised.unwritten.push_back(saving);
        if !is_first {
            supervised.overtake();
            return;
        }
        self.save(id);
        // The signal of a stop that was asked for before the start follows the start.
        if is_start && is_stopped {
            self.limit_wait(id);
        }
    }

    /// Has the start and the end of a program written in one step, as both have happened.
    pub(super) fn save_whole(&mut self, id: ProcessId) {
        let (machine, owner) = (self.parts.machine, self.parts.owner);
        let now = self.parts.clock.now();
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        let events: Vec<_> = supervised.events.drain(..2).collect();
        let mut context = Context::new(&supervised.process, machine, owner, now, chance());
        context.keeps = supervised.is_kept();
        let (_, effects) = catch_up(&context, &events);
        let (mut changes, mut counts) = (Vec::with_capacity(2), None);
        for effect in effects {
            match effect {
                Effect::Save(change) => changes.push(change),
                Effect::CountUse { succeeded } => counts = Some(succeeded),
                Effect::Spawn | Effect::Signal { .. } | Effect::Arm { .. } => {}
            }
        }
        // Who has started and ended has changed.
        let Some(change) = changes.pop() else { return };
        supervised.unwritten.push_back(Saving {
            before: changes,
            counts,
            instead: events,
            ..Saving::new(change, now)
        });
        self.save(id);
    }

    /// Somebody wants the process to end: from now on that waits for the database no longer than
    /// a moment.
    pub(super) fn limit_wait(&mut self, id: ProcessId) {
        let waits = self
            .supervised
            .get(&id)
            .is_some_and(Supervised::waits_for_its_row);
        if waits && !self.timers.is_armed(id, Alarm::Overtake) {
            let at = self.parts.clock.elapsed().saturating_add(LONGEST_WAIT);
            self.timers.arm(id, Alarm::Overtake, at);
        }
    }

    /// The moment is over.
    pub(super) fn overtake(&mut self, id: ProcessId) {
        if let Some(supervised) = self.supervised.get_mut(&id) {
            supervised.overtake();
            self.advance(id);
        }
    }

    /// Has the first change that is not written yet written, or tried again.
    pub(super) fn save(&self, id: ProcessId) {
        let Some(supervised) = self.supervised.get(&id) else {
            return;
        };
        let Some(saving) = supervised.unwritten.front() else {
            return;
        };
        let (outbox, waker) = (self.outbox.clone(), Arc::clone(&self.waker));
        let saved = Box::new(move |result| {
            // The loop may have ended: then nobody waits for this any more.
            if outbox.send(Message::Saved { id, result }).is_ok() {
                waker.wake();
            }
        });
        let writing = Writing {
            id,
            owner: self.parts.owner,
            changes: saving.changes(),
            counts: saving.counts,
            now: saving.now,
            patient: supervised.watch.is_none() && !saving.is_stop(),
        };
        self.parts.book.save(&supervised.process, writing, saved);
    }

    pub(super) fn saved(&mut self, id: ProcessId, result: Result<bool, BookError>) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        let Some(saving) = supervised.unwritten.pop_front() else {
            return;
        };
        match result {
            Ok(true) => self.written(id, &saving),
            Ok(false) if !saving.instead.is_empty() => {
                supervised.apart = true;
                for event in saving.instead.into_iter().rev() {
                    supervised.events.push_front(event);
                }
                self.advance(id);
            }
            Ok(false) if saving.is_stop() => {
                // Somebody else has asked before us: their request stands.
                supervised.take_back(&saving);
                self.save(id);
                self.advance(id);
            }
            Ok(false) => match self.unknown_stop(id) {
                Ok(Some(stop)) => self.decide_again(id, stop),
                Ok(None) => self.give_up(id, &saving.change),
                // Whose the row is now is not known: it is ours until it is.
                Err(error) => self.save_later(id, saving, error),
            },
            Err(error) => self.save_later(id, saving, error),
        }
    }

    fn written(&mut self, id: ProcessId, saving: &Saving) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        for change in saving.before.iter().chain([&saving.change]) {
            if !saving.overtaken {
                change.apply(&mut supervised.process, saving.now);
            }
            if matches!(change, ProcessChange::Started(_)) {
                self.parts.book.opened(&supervised.process);
            }
        }
        if supervised.process.status == ProcessStatus::Running
            && let Some(watch) = &supervised.watch
        {
            let running = Box::new(supervised.process.clone());
            watch.tell(Progress::Running(running));
        }
        self.save(id);
        self.advance(id);
    }

    /// A change could not be written: it is tried again until it can, and those who wait are told
    /// when that takes long. Whoever wants an end is not made to wait for a disk.
    fn save_later(&mut self, id: ProcessId, mut saving: Saving, source: BookError) {
        let Some(supervised) = self.supervised.get_mut(&id) else {
            return;
        };
        saving.failures += 1;
        let failures = saving.failures;
        tracing::warn!(%id, failures, error = with_causes(&*source), "a change was not written");
        let (is_start, is_stop) = (saving.is_start(), saving.is_stop());
        supervised.unwritten.push_front(saving);
        let exit_code = supervised.exit_code();
        // What runs without its start being written would run again: it is ended first.
        if failures >= PATIENCE && (exit_code.is_some() || !(is_start || is_stop)) {
            let reason = NotRecorded::Failed {
                id,
                exit_code,
                source,
            };
            if let Some(watch) = &supervised.watch {
                watch.tell(Progress::NotRecorded(reason));
            }
        }
        if is_start && self.may_be_forgotten(id, failures) {
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
        if is_stop {
            self.overtake(id);
        }
    }

    /// Whether a program whose start cannot be written would run again if we were not there: from
    /// the end of its lease on its row is anybody's. Nobody is made to wait for that long.
    fn may_be_forgotten(&self, id: ProcessId, failures: u32) -> bool {
        let now = self.parts.clock.now();
        self.supervised.get(&id).is_some_and(|it| match it.watch {
            Some(_) => failures == PATIENCE,
            None => it.process.retry_at.is_none_or(|lease| lease <= now),
        })
    }

    /// A stop that somebody else has asked for and that we did not know of, which is why a change
    /// was refused; none when the row is not ours any more.
    fn unknown_stop(&self, id: ProcessId) -> Result<Option<StopRequest>, BookError> {
        let supervised = self.supervised.get(&id);
        if supervised.is_none_or(|it| it.process.stop.is_some() || it.handling.is_none()) {
            return Ok(None);
        }
        let row = self.parts.book.read(id)?;
        let row = row.filter(|row| row.owner == Some(self.parts.owner));
        Ok(row.and_then(|row| row.stop))
    }

    /// The stop is known from here on, and the event is handled again.
    fn decide_again(&mut self, id: ProcessId, stop: StopRequest) {
        if let Some(supervised) = self.supervised.get_mut(&id) {
            supervised.process.stop = Some(stop);
            supervised.effects.clear();
            if let Some(event) = supervised.handling.take() {
                supervised.events.push_front(event);
            }
        }
        self.advance(id);
    }

    /// Its row is somebody else's now. A process whose start was refused is ended: it would run
    /// again when that row is taken for queued; any other goes on, and is reaped when it ends.
    fn give_up(&mut self, id: ProcessId, refused: &ProcessChange) {
        match refused {
            ProcessChange::Ended(_) | ProcessChange::Requeued(_) => {
                self.parts.spawner.release(id, None);
            }
            ProcessChange::Started(_)
                if self.supervised.get(&id).is_some_and(Supervised::has_ended) =>
            {
                self.parts.spawner.release(id, None);
            }
            ProcessChange::Started(_) => {
                self.abandoned.insert(id);
                self.end_unrecorded(id);
            }
            ProcessChange::Claimed { .. }
            | ProcessChange::Deferred { .. }
            | ProcessChange::Uses { .. }
            | ProcessChange::Detached
            | ProcessChange::StopRequested(_) => {}
        }
        self.timers.disarm(id);
        let supervised = self.supervised.remove(&id);
        if let Some(watch) = supervised.and_then(|it| it.watch) {
            watch.tell(Progress::NotRecorded(NotRecorded::TakenOver { id }));
        } else if let Some(work) = &mut self.work
            // What is being ended has its slot until it has.
            && !self.abandoned.contains(&id)
        {
            work.taken_over(id);
        }
    }
}

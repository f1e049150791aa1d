//! Working off a queue, in the midst of supervising what was started.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use hostledger_lifecycle::process::Event;
use hostledger_model::{ProcessChange, ProcessId, ProcessStatus, with_causes};
use hostledger_store::{Claimed, Claims};

use super::EventLoop;
use crate::message::Message;
use crate::port::{BookError, NotStartable, Returned, Writing};
use crate::supervised::Supervised;
use crate::take_over::TakeOver;
use crate::work::{AtEnd, Work, WorkPlan, WorkWatch};

/// For how long what another worker is to start is put off.
const FOR_OTHERS: TimeDelta = TimeDelta::seconds(5);

impl EventLoop {
    /// Does for the work whatever can be done now.
    pub(super) fn tend_work(&mut self) {
        let Some(work) = &mut self.work else { return };
        if work.ending.is_none() && self.closing {
            work.end(AtEnd::Leave, self.parts.clock.elapsed());
        }
        if work.ending.is_some() {
            self.end_work();
            return;
        }
        if work.backlog.waits_for_news() && work.plan.queue.has_news() {
            work.backlog.news();
        }
        self.start_waiting();
        self.tell_limit();
        self.give_back_what_waits();
        let now = self.parts.clock.now();
        if self
            .work
            .as_mut()
            .is_some_and(|it| it.is_done_for_once(now))
        {
            self.finish_work();
        }
        self.claim();
    }

    pub(super) fn begin_work(
        &mut self,
        plan: WorkPlan,
        take_over: Option<TakeOver>,
        watch: Arc<WorkWatch>,
    ) {
        self.work = Some(Work::new(plan, take_over, watch));
    }

    /// What becomes readable when there may be news of the queue, while that is of interest.
    pub(super) fn news_of_work(&self) -> Option<BorrowedFd<'_>> {
        let work = self.work.as_ref().filter(|work| work.ending.is_none())?;
        let listens = work.backlog.waits_for_news();
        listens.then(|| work.plan.queue.readiness())
    }

    /// How long until something is due that nobody will tell of.
    pub(super) fn work_is_due_in(&self) -> Option<Duration> {
        let work = self.work.as_ref()?;
        let (elapsed, now) = (self.parts.clock.elapsed(), self.parts.clock.now());
        if work.ending.is_some() {
            return work.patience(elapsed);
        }
        // What is due then is not asked for before it can be started.
        let is_asked = !work.is_short(elapsed);
        let next = work.backlog.next_in(elapsed, now).filter(|_| is_asked);
        next.into_iter().chain(work.changes_in(elapsed)).min()
    }

    /// What waits at the keeper follows when a program of ours has left its slot.
    fn tell_limit(&mut self) {
        if let Some(limit) = self.work.as_mut().and_then(Work::new_limit) {
            self.parts.spawner.limit_turns(limit);
        }
    }

    /// Starts what there are slots for, or hands it over ahead where that can be done.
    fn start_waiting(&mut self) {
        let mut room = self.parts.spawner.room_ahead();
        let elapsed = self.parts.clock.elapsed();
        while let Some(work) = &mut self.work
            && work.can_start(room, elapsed)
            && let Some(claimed) = work.backlog.take()
        {
            let now = self.parts.clock.now();
            // Somebody else may have it by now: we have slept.
            if claimed.process.retry_at.is_none_or(|lease| lease <= now) {
                tracing::debug!(id = %claimed.process.id, "its lease was over before its start");
                work.backlog.news();
                continue;
            }
            match &mut room {
                Some(room) => {
                    *room -= 1;
                    work.ahead.insert(claimed.process.id, claimed.due_at);
                }
                None => work.begin(claimed.process.id, claimed.due_at),
            }
            self.start_claimed(claimed);
            // What has run short, or found nobody to wait at, is not followed by others at once.
            if self.take_returned() {
                return;
            }
        }
    }

    fn start_claimed(&mut self, claimed: Claimed) {
        let Some(work) = &mut self.work else { return };
        let mut process = claimed.process;
        let id = process.id;
        let (order, event) = match work.plan.orders.order(&mut process) {
            Ok(order) => (Some(Arc::new(order)), Event::Tick),
            Err(NotStartable::Ever { exit_code, reason }) => {
                (None, Event::SpawnFailed { exit_code, reason })
            }
            Err(NotStartable::Here { reason }) => {
                tracing::warn!(%id, reason, "a queued process waits for another worker");
                work.take_back(id);
                let due_at = self.parts.clock.now().saturating_add(FOR_OTHERS);
                return self.give_back_one(Claimed { process, due_at });
            }
        };
        if order.is_none() {
            work.ended(id);
        }
        let supervised = Supervised::new(process, order, None, event);
        self.supervised.insert(id, supervised);
        self.advance(id);
    }

    /// Notes what the spawner tells of a process: who has a slot. What follows from it, if
    /// anything does, is to be handled after it.
    pub(super) fn note_in_work(&mut self, id: ProcessId, event: &Event) -> Option<Event> {
        let elapsed = self.parts.clock.elapsed();
        let work = self.work.as_mut()?;
        match event {
            // It began while all that runs was told to stop.
            Event::Spawned { .. } if work.began(id, elapsed) => match &work.ending {
                Some(AtEnd::Stop { request, grace }) => Some(Event::StopRequested {
                    request: request.clone(),
                    grace: Some(*grace),
                }),
                Some(AtEnd::Leave) | None => None,
            },
            Event::Exited(_) | Event::Lost | Event::SpawnFailed { .. } => {
                work.ended(id);
                None
            }
            _ => None,
        }
    }

    /// What was to be started and has come back waits here again; what has met with a shortage is
    /// put off. Says whether anything has come back.
    pub(super) fn take_returned(&mut self) -> bool {
        let returned = self.parts.spawner.take_returned();
        if returned.is_empty() {
            return false;
        }
        let (elapsed, now) = (self.parts.clock.elapsed(), self.parts.clock.now());
        for (id, why) in returned.into_iter().rev() {
            let Some(supervised) = self.supervised.get_mut(&id) else {
                continue;
            };
            supervised.starting = false;
            if supervised.process.stop.is_some() || !supervised.is_at_rest() {
                // Somebody wants it stopped: that is found before it is started.
                if let Some(work) = &mut self.work {
                    work.ended(id);
                }
                self.feed(id, Event::Tick);
                continue;
            }
            self.timers.disarm(id);
            let process = self.supervised.remove(&id).map(|it| it.process);
            // Without one the work is over, and its owner is about to go.
            let work = self.work.as_mut().and_then(|work| {
                let due_at = work.take_back(id)?;
                Some((work, due_at))
            });
            match (work, process) {
                (Some((work, _)), Some(process)) if why == Returned::Shortage => {
                    let due_at = work.run_short(elapsed, now);
                    self.give_back_one(Claimed { process, due_at });
                }
                (Some((work, due_at)), Some(process)) => {
                    work.backlog.put_back(Claimed { process, due_at });
                }
                (None, _) | (_, None) => {}
            }
        }
        true
    }

    /// Gives back what nobody has a slot for, once it has waited for some time.
    fn give_back_what_waits(&mut self) {
        let elapsed = self.parts.clock.elapsed();
        let Some(work) = &mut self.work else { return };
        if !work.waits_too_long(elapsed) {
            return;
        }
        if !work.ahead.is_empty() {
            self.parts.spawner.recall();
        }
        self.give_back();
    }

    fn claim(&mut self) {
        let Some(work) = &mut self.work else { return };
        let (elapsed, now) = (self.parts.clock.elapsed(), self.parts.clock.now());
        if work.is_short(elapsed) {
            return;
        }
        let (free, ahead) = (work.free(), work.handed_over());
        if let Some(limit) = work.backlog.ask(free, ahead, elapsed, now) {
            let (outbox, waker) = (self.outbox.clone(), Arc::clone(&self.waker));
            let answered = Box::new(move |claims| {
                // The loop may have ended: whoever opens the ledger next finds what is ours.
                if outbox.send(Message::Claimed(claims)).is_ok() {
                    waker.wake();
                }
            });
            work.plan.queue.claim(limit, now, answered);
        }
    }

    pub(super) fn claimed(&mut self, answer: Result<Claims, BookError>) {
        let Some(work) = &mut self.work else { return };
        match answer {
            Ok(mut claims) => {
                let is_empty = claims.claimed.is_empty() && claims.corrupt.is_empty();
                // When the clock was set forward, our own may be due again: it has a slot already.
                let has_slot = |it: &Claimed| self.supervised.contains_key(&it.process.id);
                claims.claimed.retain(|claimed| !has_slot(claimed));
                for row in &claims.corrupt {
                    let error = row as &dyn std::error::Error;
                    tracing::warn!(error, "a queued process cannot be read: it is put off");
                }
                let unreadable = claims.corrupt.len() as u64;
                work.watch.count(|counts| counts.unreadable += unreadable);
                let (elapsed, now) = (self.parts.clock.elapsed(), self.parts.clock.now());
                work.moved_at = elapsed;
                if is_empty && work.backlog.was_due(claims.next_due) {
                    // Others are at it: it is asked for again in a moment.
                    work.backlog.failed(elapsed);
                } else {
                    work.backlog.answered(claims, now);
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = with_causes(&*error),
                    "what is due cannot be taken on"
                );
                work.backlog.failed(self.parts.clock.elapsed());
            }
        }
    }

    /// What is not started is given back, and what runs is left or stopped; then it is over.
    fn end_work(&mut self) {
        self.give_back();
        let elapsed = self.parts.clock.elapsed();
        let Some(work) = &self.work else { return };
        if work.patience(elapsed).is_none() {
            self.leave_unstarted();
        }
        let Some(work) = &self.work else { return };
        if !work.ahead.is_empty() {
            self.parts.spawner.recall();
        }
        let ids: Vec<ProcessId> = work.active.keys().copied().collect();
        let leaves = work.ending == Some(AtEnd::Leave);
        let mut left = 0;
        for id in &ids {
            if leaves && self.is_left(*id) {
                left += 1;
            }
        }
        let Some(work) = &self.work else { return };
        let written = work.unwritten.iter().all(|id| self.may_be_left(*id));
        if left == work.active.len()
            && work.ahead.is_empty()
            && written
            && work.giving_back == 0
            && !work.backlog.is_claiming()
        {
            work.watch.count(|counts| counts.left = left as u64);
            self.finish_work();
        }
    }

    /// Leaves what waits for its start to whoever comes next. Whoever was to start it does not
    /// answer, and does not start it any more.
    fn leave_unstarted(&mut self) {
        let Some(work) = &mut self.work else { return };
        let given = work.active.keys().chain(work.ahead.keys()).copied();
        for id in given.collect::<Vec<_>>() {
            let supervised = self.supervised.get(&id);
            if supervised.is_some_and(Supervised::is_unstarted) {
                work.take_back(id);
                self.timers.disarm(id);
                self.supervised.remove(&id);
            }
        }
    }

    /// Whether a process is marked as one that lives on, as far as that can be written.
    fn is_left(&mut self, id: ProcessId) -> bool {
        let Some(supervised) = self.supervised.get(&id) else {
            return true;
        };
        if supervised.process.status == ProcessStatus::Running
            && !supervised.process.detached
            && supervised.is_at_rest()
        {
            self.feed(id, Event::Left);
        }
        let supervised = self.supervised.get(&id);
        supervised.is_none_or(|it| it.can_be_left() && it.process.status != ProcessStatus::Queued)
    }

    /// Whether what is known of a process is written down, or cannot be.
    fn may_be_left(&self, id: ProcessId) -> bool {
        let supervised = self.supervised.get(&id);
        supervised.is_none_or(Supervised::can_be_left)
    }

    fn give_back(&mut self) {
        let Some(work) = &mut self.work else { return };
        for claimed in work.backlog.give_up() {
            self.give_back_one(claimed);
        }
    }

    /// Writes down that a process is nobody's, and when it is due.
    fn give_back_one(&mut self, claimed: Claimed) {
        let Some(work) = &mut self.work else { return };
        work.giving_back += 1;
        let (outbox, waker) = (self.outbox.clone(), Arc::clone(&self.waker));
        let process = claimed.process;
        let id = process.id;
        let given = Box::new(move |result| {
            // The loop may have ended: then nobody waits for this any more.
            if outbox.send(Message::GivenBack { id, result }).is_ok() {
                waker.wake();
            }
        });
        let retry_at = claimed.due_at;
        let writing = Writing {
            id,
            owner: self.parts.owner,
            changes: vec![ProcessChange::Deferred { retry_at }],
            counts: None,
            now: self.parts.clock.now(),
            patient: false,
        };
        self.parts.book.save(&process, writing, given);
    }

    pub(super) fn given_back(&mut self, id: ProcessId, result: Result<bool, BookError>) {
        let Some(work) = &mut self.work else { return };
        work.giving_back -= 1;
        match result {
            Ok(true) if work.ending.is_some() => work.watch.count(|counts| counts.given_back += 1),
            Ok(true) => {}
            Ok(false) => tracing::debug!(%id, "a process that is given back is not ours any more"),
            // It is taken for ours until we are gone, and then given back by whoever comes next.
            Err(error) => {
                tracing::warn!(%id, error = with_causes(&*error), "a process was not given back");
            }
        }
    }

    /// Begins to end the work; a stop goes before leaving.
    pub(super) fn begin_to_end_work(&mut self, at_end: AtEnd) {
        let Some(work) = &mut self.work else { return };
        if let AtEnd::Stop { request, grace } = &at_end {
            let ids: Vec<ProcessId> = work.active.keys().copied().collect();
            for id in ids {
                let (request, grace) = (request.clone(), Some(*grace));
                self.feed(id, Event::StopRequested { request, grace });
            }
        }
        if let Some(work) = &mut self.work {
            work.end(at_end, self.parts.clock.elapsed());
        }
    }

    fn finish_work(&mut self) {
        let Some(mut work) = self.work.take() else {
            return;
        };
        // It may be stopping something, or wait for the database: not what the loop is to wait for.
        self.retired.retain(|it| !it.is_over());
        if let Some(take_over) = work.take_over.take() {
            take_over.end();
            self.retired.push(take_over);
        }
        work.watch.tell_over();
    }
}

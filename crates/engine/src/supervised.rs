//! One process in the event loop's care.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hostledger_lifecycle::process::{Effect, Event};
use hostledger_model::{Process, ProcessChange, ProcessStatus, Timestamp};

use crate::port::LaunchOrder;
use crate::watch::Watch;

/// A process and what is still to be done about it.
///
/// Events are handled one after the other: the next one only when all effects of the one
/// before are carried out and durable. So a decision is made on a row as it is written; only an
/// end that somebody wants goes on, after a moment, as if a start or a request to stop were.
pub(crate) struct Supervised {
    pub(crate) process: Process,
    /// How it is started; none when it was started by somebody else, or cannot be.
    pub(crate) order: Option<Arc<LaunchOrder>>,
    /// Who waits for it; none when it is part of the work.
    pub(crate) watch: Option<Arc<Watch>>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) effects: VecDeque<Effect>,
    /// The event that the effects come from.
    pub(crate) handling: Option<Event>,
    /// When it was handled, on both clocks.
    pub(crate) decided_at: Option<(Timestamp, Duration)>,
    /// The changes that are not durable yet, in order; the first is with the book, or will be
    /// again.
    pub(crate) unwritten: VecDeque<Saving>,
    /// Whether the spawner still has to tell what came of the start.
    pub(crate) starting: bool,
    /// Whether its start is to be written by itself, as it was refused together with its end.
    pub(crate) apart: bool,
}

impl Supervised {
    /// A process in our care, beginning with `event`.
    pub(crate) fn new(
        process: Process,
        order: Option<Arc<LaunchOrder>>,
        watch: Option<Arc<Watch>>,
        event: Event,
    ) -> Self {
        Self {
            process,
            order,
            watch,
            events: VecDeque::from([event]),
            effects: VecDeque::new(),
            handling: None,
            decided_at: None,
            unwritten: VecDeque::new(),
            starting: false,
            apart: false,
        }
    }

    /// Whether it stays ours when it is to be tried again.
    pub(crate) fn is_kept(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.keeps())
    }

    /// Whether nothing more will happen to it here.
    pub(crate) fn is_over(&self) -> bool {
        self.process.status != ProcessStatus::Running && self.is_at_rest()
    }

    /// Whether nothing is under way.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.starting
            && self.unwritten.is_empty()
            && self.effects.is_empty()
            && self.events.is_empty()
    }

    /// Whether all that is next is its start and its end: both have happened before either is
    /// written.
    pub(crate) fn has_come_and_gone(&self) -> bool {
        let mut events = self.events.iter();
        let both = (events.next(), events.next());
        matches!(both, (Some(Event::Spawned { .. }), Some(Event::Exited(_))))
            && self.effects.is_empty()
            && self.unwritten.is_empty()
            && !self.apart
    }

    /// Whether nothing of it has been started, as far as the spawner has told.
    pub(crate) fn is_unstarted(&self) -> bool {
        let tells = |event: &Event| {
            matches!(
                event,
                Event::Spawned { .. } | Event::Exited(_) | Event::Lost
            )
        };
        self.process.status == ProcessStatus::Queued
            && !self.events.iter().any(tells)
            && !self.unwritten.iter().any(Saving::is_of_a_start)
    }

    /// Whether its end has been told and is not handled yet.
    pub(crate) fn has_ended(&self) -> bool {
        let ends = |event: &Event| matches!(event, Event::Exited(_) | Event::Lost);
        self.events.iter().any(ends)
    }

    /// Whether what is next waits for a change to be written.
    pub(crate) fn waits_for_its_row(&self) -> bool {
        self.unwritten.back().is_some_and(|last| !last.overtaken)
    }

    /// Has what is next not wait any longer, unless it follows an end: a start or a request to
    /// stop is a fact that no refusal undoes.
    pub(crate) fn overtake(&mut self) {
        if let Some(last) = self.unwritten.back_mut()
            && !last.overtaken
            && (last.is_start() || last.is_stop())
        {
            last.overtaken = true;
            last.change.apply(&mut self.process, last.now);
        }
    }

    /// Forgets a request to stop that was overtaken and then refused: whose request stands is told
    /// by the row.
    pub(crate) fn take_back(&mut self, refused: &Saving) {
        if let ProcessChange::StopRequested(request) = &refused.change
            && refused.overtaken
            && self.process.stop.as_ref() == Some(request)
        {
            self.process.stop = None;
        }
    }

    /// The code it has ended with, when that is known and not yet written.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        let told = self.events.iter().find_map(|event| match event {
            Event::Exited(exit) => Some(exit.termination.exit_code()),
            _ => None,
        });
        told.or_else(|| self.unwritten.iter().find_map(Saving::exit_code))
    }

    /// Whether it can be left as it is: everything that has happened is dealt with and written
    /// down, or cannot be written.
    pub(crate) fn can_be_left(&self) -> bool {
        match self.unwritten.front() {
            Some(saving) => saving.failures > 0,
            None => !self.starting && self.effects.is_empty() && self.events.is_empty(),
        }
    }
}

/// A change that is to be written.
pub(crate) struct Saving {
    /// What goes before the change, and is written with it or not at all.
    pub(crate) before: Vec<ProcessChange>,
    pub(crate) change: ProcessChange,
    /// Whether a use is counted with it, and as one that went well.
    pub(crate) counts: Option<bool>,
    /// What is to be handled one by one when all of it together is refused.
    pub(crate) instead: Vec<Event>,
    /// When it was decided: the row's modification time.
    pub(crate) now: Timestamp,
    /// How often it could not be written.
    pub(crate) failures: u32,
    /// Whether it is applied to the row in memory already, and what follows does not wait for it.
    pub(crate) overtaken: bool,
}

impl Saving {
    pub(crate) fn new(change: ProcessChange, now: Timestamp) -> Self {
        Self {
            before: Vec::new(),
            change,
            counts: None,
            instead: Vec::new(),
            now,
            failures: 0,
            overtaken: false,
        }
    }

    /// What is to be written, in order.
    pub(crate) fn changes(&self) -> Vec<ProcessChange> {
        let all = self.before.iter().chain([&self.change]);
        all.cloned().collect()
    }

    pub(crate) fn is_start(&self) -> bool {
        matches!(self.change, ProcessChange::Started(_))
    }

    /// Whether it is a start, or follows one.
    fn is_of_a_start(&self) -> bool {
        self.is_start() || !self.before.is_empty()
    }

    pub(crate) fn is_stop(&self) -> bool {
        matches!(self.change, ProcessChange::StopRequested(_))
    }

    /// The exit code that is to be written.
    fn exit_code(&self) -> Option<i32> {
        match &self.change {
            ProcessChange::Ended(ended) => ended.exit_code,
            ProcessChange::Requeued(requeued) => requeued.ended.exit_code,
            _ => None,
        }
    }
}

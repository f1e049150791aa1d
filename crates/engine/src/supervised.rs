//! One process in the event loop's care.

use std::collections::VecDeque;
use std::sync::Arc;

use hostledger_lifecycle::process::{Effect, Event};
use hostledger_model::{Process, ProcessChange, ProcessStatus, Timestamp};

use crate::port::LaunchOrder;
use crate::watch::Watch;

/// A process and what is still to be done about it.
///
/// Events are handled one after the other: the next one only when all effects of the one
/// before are carried out and durable. So a decision is never made on a row that was not
/// written yet.
pub(crate) struct Supervised {
    pub(crate) process: Process,
    pub(crate) order: Box<LaunchOrder>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) effects: VecDeque<Effect>,
    /// The event that the effects come from.
    pub(crate) handling: Option<Event>,
    /// The change that is being written.
    pub(crate) saving: Option<Saving>,
    /// Whether the spawner still has to tell what came of the start.
    pub(crate) starting: bool,
}

impl Supervised {
    pub(crate) fn new(process: Process, order: Box<LaunchOrder>, watch: Arc<Watch>) -> Self {
        Self {
            process,
            order,
            watch,
            events: VecDeque::from([Event::Launch]),
            effects: VecDeque::new(),
            handling: None,
            saving: None,
            starting: false,
        }
    }

    /// Whether nothing more will happen to it here.
    pub(crate) fn is_over(&self) -> bool {
        self.process.status != ProcessStatus::Running
            && !self.starting
            && self.saving.is_none()
            && self.effects.is_empty()
            && self.events.is_empty()
    }

    /// The code it has ended with, when that is known and not yet dealt with.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        self.events.iter().find_map(|event| match event {
            Event::Exited(exit) => Some(exit.termination.exit_code()),
            _ => None,
        })
    }

    /// Whether it can be left as it is: everything that has happened is dealt with and written
    /// down, or cannot be written.
    pub(crate) fn can_be_left(&self) -> bool {
        match &self.saving {
            Some(saving) => saving.failures > 0,
            None => !self.starting && self.effects.is_empty() && self.events.is_empty(),
        }
    }
}

/// A change that is being written.
pub(crate) struct Saving {
    pub(crate) change: ProcessChange,
    /// When it was decided: the row's modification time.
    pub(crate) now: Timestamp,
    /// How often it could not be written.
    pub(crate) failures: u32,
}

impl Saving {
    /// The exit code that is to be written.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        match &self.change {
            ProcessChange::Ended(ended) => ended.exit_code,
            ProcessChange::Requeued(requeued) => requeued.ended.exit_code,
            _ => None,
        }
    }
}

//! What a decision is made from, and what it leaves behind.

use chrono::TimeDelta;
use hostledger_model::{MachineId, OwnerId, Process, ProcessChange, Timestamp};

use super::{Effect, RetryPolicy};

/// Everything one event's handling may look at, and the effects it decides on.
#[derive(Debug)]
pub struct Context<'a> {
    /// The row.
    pub process: &'a Process,
    /// The host we are on.
    pub machine: MachineId,
    /// Who handles the event.
    pub owner: OwnerId,
    /// Whether a failure that is to be tried again stays his, as he will do that himself.
    pub keeps: bool,
    /// The time it is.
    pub now: Timestamp,
    /// How long a failure waits until it is tried again.
    pub retry: RetryPolicy,
    /// A random number from 0 to 1, for the jitter of a backoff.
    pub chance: f64,
    /// How long a process whose time is up has between SIGTERM and SIGKILL.
    pub grace: TimeDelta,
    effects: Vec<Effect>,
}

impl<'a> Context<'a> {
    /// A context with the usual policy and a grace of 5 seconds.
    #[must_use]
    pub fn new(
        process: &'a Process,
        machine: MachineId,
        owner: OwnerId,
        now: Timestamp,
        chance: f64,
    ) -> Self {
        Self {
            process,
            machine,
            owner,
            keeps: false,
            now,
            retry: RetryPolicy::default(),
            chance,
            grace: TimeDelta::seconds(5),
            effects: Vec::new(),
        }
    }

    /// The same for another row, without effects.
    pub(super) fn with<'b>(&self, process: &'b Process) -> Context<'b> {
        Context {
            process,
            machine: self.machine,
            owner: self.owner,
            keeps: self.keeps,
            now: self.now,
            retry: self.retry,
            chance: self.chance,
            grace: self.grace,
            effects: Vec::new(),
        }
    }

    /// The effects decided on, in order.
    #[must_use]
    pub fn into_effects(self) -> Vec<Effect> {
        self.effects
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn save(&mut self, change: ProcessChange) {
        self.push(Effect::Save(change));
    }
}

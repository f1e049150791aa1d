//! What a decision is made from, and what it leaves behind.

use hostledger_model::{Binary, BinaryChange, Timestamp};

use super::Effect;

/// Everything one event's handling may look at, and the effects it decides on.
#[derive(Debug)]
pub struct Context<'a> {
    /// The row.
    pub binary: &'a Binary,
    /// The providers that may install it, by name, in the order in which they are tried.
    pub providers: &'a [String],
    /// The time it is.
    pub now: Timestamp,
    effects: Vec<Effect>,
}

impl<'a> Context<'a> {
    /// A context without effects yet.
    #[must_use]
    pub fn new(binary: &'a Binary, providers: &'a [String], now: Timestamp) -> Self {
        Self {
            binary,
            providers,
            now,
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

    pub(super) fn save(&mut self, change: BinaryChange) {
        self.push(Effect::Save(change));
    }
}

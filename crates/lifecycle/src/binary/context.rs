//! What a decision is made from, and what it leaves behind.

use hostledger_model::{Binary, BinaryChange, InstalledFile, Timestamp};

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
    /// Whether the file that the row tells of is there, and what it was.
    is_intact: bool,
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
            is_intact: false,
            effects: Vec::new(),
        }
    }

    /// The same where it is known whether the file that the row tells of is there and what it was;
    /// otherwise it is not.
    #[must_use]
    pub fn with_file(mut self, is_intact: bool) -> Self {
        self.is_intact = is_intact;
        self
    }

    /// The file that the row tells of, if it is still what it was.
    pub(super) fn intact_file(&self) -> Option<InstalledFile> {
        let Binary {
            abspath,
            version,
            sha256,
            binprovider,
            ..
        } = self.binary;
        let text = |text: &String| Some(text.clone()).filter(|it| !it.is_empty());
        (!abspath.is_empty() && self.is_intact).then(|| InstalledFile {
            abspath: abspath.clone(),
            version: version.clone(),
            sha256: text(sha256),
            binprovider: text(binprovider),
        })
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

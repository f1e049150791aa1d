//! What is to be done about a binary.

use hostledger_model::{BinaryChange, InstalledFile};

/// Something whoever drives a binary has to do, in the order in which it was decided.
///
/// What follows a [`Save`](Self::Save) is done when the change is durable, not before; when the
/// row is no longer the driver's, not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Have a provider find or install it; [`Succeeded`](super::Event::Succeeded) or
    /// [`Unsuccessful`](super::Event::Unsuccessful) is to come of it.
    Run {
        /// Which one, counted from 0 among those of the [`Context`](super::Context).
        provider: usize,
    },
    /// Link the program under the name it was asked for by; [`Linked`](super::Event::Linked) or
    /// [`LinkFailed`](super::Event::LinkFailed) is to come of it.
    Link(InstalledFile),
    /// Write the change to the row.
    Save(BinaryChange),
    /// Count an attempt at it.
    CountUse {
        /// Whether it went well.
        succeeded: bool,
    },
}

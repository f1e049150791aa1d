//! What is to be done about a process.

use hostledger_model::{KillMode, ProcessChange, Timestamp};

/// Something the engine has to do, in the order in which it was decided.
///
/// What follows a [`Save`](Self::Save) is done when the change is durable, not before: so a
/// request to stop is stored before its signal is sent.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "an event has two or three effects, which are moved once: a box would cost more"
)]
pub enum Effect {
    /// Start the program; [`Spawned`](super::Event::Spawned) or
    /// [`SpawnFailed`](super::Event::SpawnFailed) is to come of it.
    Spawn,
    /// Write the change to the row.
    Save(ProcessChange),
    /// Send a signal, by number.
    Signal {
        /// Which one.
        signal: i32,
        /// To which part of what it started.
        scope: KillMode,
    },
    /// Feed the timer's event back at a time, unless the process has ended by then.
    Arm {
        /// Which event.
        timer: Timer,
        /// When.
        at: Timestamp,
    },
    /// Count a use of its binary, its interface and its machine.
    CountUse {
        /// Whether it went well.
        succeeded: bool,
    },
}

/// What a timer is about; a process has at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Feeds [`TimedOut`](super::Event::TimedOut).
    Timeout,
    /// Feeds [`GraceOver`](super::Event::GraceOver).
    Grace,
}

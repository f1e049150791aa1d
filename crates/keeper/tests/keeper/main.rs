//! Keepers with real processes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod ambient;
mod deadline;
mod death;
mod groups;
mod launch;
mod launcher;
mod logs;
mod support;
mod table;
mod turns;

//! The ledger with real processes and a real database.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

mod account;
mod bench;
mod hooks;
mod installs;
mod live;
mod own_directory;
mod prune;
mod queue;
mod read;
mod stop;
mod submit;
mod worker;

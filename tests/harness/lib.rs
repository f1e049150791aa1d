//! What the end-to-end tests are written with: a ledger of one's own, the built program, a
//! terminal to run it on.
//!
//! Nothing here knows the inside of hostledger: it is driven as people drive it, by arguments,
//! signals and keys. Whatever a test waits for has a deadline, and whatever it started is looked
//! for when it ends: a process that is left behind fails the test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod binary;
mod invocation;
mod keeper;
mod ledger;
mod leftovers;
mod output;
mod program;
mod started;
mod terminal;
mod tmux;
mod wait;

pub use binary::hostledger;
pub use hostledger_test_postgres as postgres;
pub use invocation::Invocation;
pub use keeper::{StoppedKeeper, kill_keeper_of, parent_of, signal_keeper, stop_keeper};
pub use ledger::Ledger;
pub use leftovers::environment_of;
pub use output::{Output, json_lines};
pub use program::installed;
pub use rustix::process::Signal;
pub use started::Started;
pub use terminal::Terminal;
pub use tmux::Tmux;
pub use wait::{DEADLINE, wait_until};

/// Says, where CI repeats it, that a test could not run on this host.
pub fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

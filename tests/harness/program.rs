//! The one place that starts programs.

use std::ffi::OsStr;
use std::process::Command;

/// A program by name or path, to be set up further.
#[expect(
    clippy::disallowed_methods,
    reason = "what drives the ledger from outside cannot be started by it"
)]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

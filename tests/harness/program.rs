//! Programs of the host, and the one place that starts any.

use std::env;
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

/// Whether a program is found on PATH.
#[must_use]
pub fn installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

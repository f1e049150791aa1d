//! File systems that only one program sees.

use std::ffi::OsStr;

use hostledger_tests::{Invocation, Ledger, hostledger, skipped};

/// The program in a mount namespace of its own, which a script has prepared; what is mounted there
/// goes with it. None, and a loud word, where that is not allowed.
pub(crate) fn command<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(
    ledger: &Ledger,
    setup: &str,
    arguments: I,
) -> Option<Invocation> {
    let probe = ledger
        .other("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]);
    if !probe.output().status.success() {
        skipped("mounting needs root");
        return None;
    }
    let script = format!("set -e; {setup}; exec \"$@\"");
    let command = ledger
        .other("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"]);
    Some(
        command
            .arg(hostledger())
            .arg("--data")
            .arg(ledger.data())
            .args(arguments),
    )
}

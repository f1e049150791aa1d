//! Running a program to its end, its output passing through.

use std::io;

use anyhow::Context as _;
use hostledger::{LedgerError, Outcome, Relayed, Running};

use super::{Args, exit, explain, tell_changed};
use crate::args::Globals;
use crate::exit::Exit;
use crate::signals::Forwarding;

/// Runs it.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    // Nobody else's orphans: what comes to us descends from the program alone.
    let ledger = globals.options().subreaper(true).open()?;
    let command = args.command(&ledger)?;
    let signals = Forwarding::begin().context("cannot heed signals")?;
    let running = command.launch()?;
    tracing::info!(id = %running.id(), "launched");
    tell_changed(&running);
    let (relayed, ended) = signals.during(&running, || {
        let relayed = if args.record {
            running.relay_terminal()
        } else if args.terminal {
            Ok(Relayed::All)
        } else {
            relay(&running)
        };
        (relayed, running.wait())
    });
    let process = ended?;
    let outcome = process.outcome.map(Outcome::as_str);
    tracing::info!(id = %process.id, outcome, exit_code = process.exit_code, "ended");
    explain(&process);
    Ok(match relayed? {
        Relayed::All => exit(&process),
        Relayed::ReaderGone => Exit::ReaderGone,
    })
}

fn relay(running: &Running) -> Result<Relayed, LedgerError> {
    running.relay(io::stdout(), io::stderr())
}

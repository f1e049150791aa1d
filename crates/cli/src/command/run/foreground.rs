//! Running a program to its end, its output passing through.

use std::io;

use anyhow::Context as _;
use hostledger::{LedgerError, Outcome, Relayed, Running, Stopper};

use super::{Args, exit, explain, tell_attempt, tell_changed};
use crate::args::Globals;
use crate::exit::Exit;
use crate::signals::Forwarding;

/// Runs it, and again when it has failed and may be.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    // Nobody else's orphans: what comes to us descends from the program alone.
    let ledger = globals.options().subreaper(true).open()?;
    let command = args.command(&ledger)?;
    let signals = Forwarding::begin().context("cannot heed signals")?;
    let stopper = Stopper::default();
    let mut relayed = Ok(Relayed::All);
    let ended = signals.each_during(
        |signal| stopper.stop(signal),
        || {
            command.run_attempts(&stopper, |running| {
                tracing::info!(id = %running.id(), "launched");
                tell_changed(running);
                tell_attempt(running, globals);
                relayed = args.relay(running);
            })
        },
    );
    let process = ended?;
    let outcome = process.outcome.map(Outcome::as_str);
    tracing::info!(id = %process.id, outcome, exit_code = process.exit_code, "ended");
    explain(&process);
    Ok(match relayed? {
        Relayed::All => exit(&process),
        Relayed::ReaderGone => Exit::ReaderGone,
    })
}

impl Args {
    fn relay(&self, running: &Running) -> Result<Relayed, LedgerError> {
        if self.record {
            running.relay_terminal()
        } else if self.terminal {
            Ok(Relayed::All)
        } else {
            running.relay(io::stdout(), io::stderr())
        }
    }
}

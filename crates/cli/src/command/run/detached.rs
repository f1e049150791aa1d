//! Starting a program that goes on by itself.

use anstyle::Style;
use hostledger::Outcome;

use super::{Args, exit, explain, tell_changed};
use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;

/// Starts it, and says which it is.
///
/// We are no subreaper: we leave before the program does.
pub(super) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let running = args.command(&ledger)?.launch()?;
    tell_changed(&running);
    let process = running.process()?;
    tracing::info!(id = %process.id, "launched");
    if process.outcome == Some(Outcome::SpawnFailed) {
        explain(&process);
        return Ok(exit(&process));
    }
    if printer.is_json() {
        printer.json(&process.to_json())?;
    } else {
        printer.line(Style::new(), &process.id.to_string())?;
    }
    printer.flush()?;
    Ok(Exit::Success)
}

//! `hostledger binary remove`: forget a program.

use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger binary remove yt-dlp
  hostledger binary remove 0198c0de";

/// Forget a program: its record and its link in lib/bin
///
/// The program itself stays where its provider put it, and so do the logs of its installation.
/// Records of processes that used it stay without it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The program's name, or its id or the beginning of that
    name: String,
}

/// Removes it.
pub(super) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let binary = ledger.find_binary(&args.name)?;
    ledger.remove_binary(binary.id)?;
    if printer.is_json() {
        printer.json(&binary.to_json())?;
    }
    Ok(Exit::Success)
}

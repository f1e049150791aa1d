//! `hostledger machine`: the host we are on.

use super::fields;
use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger machine
  hostledger machine --refresh --json";

/// Show the machine this is: detected at first use, and again after 7 days
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Detect it now
    #[arg(long)]
    refresh: bool,
}

/// Prints its record.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let machine = if args.refresh {
        ledger.refresh_machine()?
    } else {
        ledger.current_machine()?
    };
    if printer.is_json() {
        printer.json(&machine.to_json())?;
    } else {
        fields::machine(&machine).print(printer)?;
    }
    Ok(Exit::Success)
}

//! `hostledger binary show`: everything about one program.

use crate::args::Globals;
use crate::command::fields;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger binary show yt-dlp
  hostledger binary show 0198c0de --json";

/// Show everything about one program, and why providers did not come up with it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The program's name, or its id or the beginning of that
    name: String,
}

/// Shows it.
pub(super) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let binary = globals.open()?.find_binary(&args.name)?;
    if printer.is_json() {
        printer.json(&binary.to_json())?;
    } else {
        fields::binary(&binary).print(printer)?;
    }
    Ok(Exit::Success)
}

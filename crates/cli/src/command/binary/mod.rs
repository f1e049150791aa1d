//! `hostledger binary`: programs that are found, installed and verified.

mod find;
mod install;
mod list;
mod reasons;
mod remove;
mod show;
mod verify;

use clap::Subcommand;

use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger binary install yt-dlp --providers env,pip
  hostledger binary find git curl
  hostledger binary list
  hostledger binary verify

An installed program is linked under its name in lib/bin of the ledger's directory, which stands in
front of PATH for whatever hostledger runs.";

/// Find, install, list and verify programs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Find(find::Args),
    Install(install::Args),
    List(list::Args),
    Show(show::Args),
    Verify(verify::Args),
    Remove(remove::Args),
}

/// Does what is asked for.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Find(args) => find::run(args, globals, printer),
        Command::Install(args) => install::run(args, globals, printer),
        Command::List(args) => list::run(args, globals, printer),
        Command::Show(args) => show::run(args, globals, printer),
        Command::Verify(args) => verify::run(args, globals, printer),
        Command::Remove(args) => remove::run(args, globals, printer),
    }
}

//! `hostledger hook`: programs that come with plugins and run at an event.

mod list;
pub(crate) mod places;
mod run;

use clap::Subcommand;

use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger hook list --plugins ./plugins
  hostledger hook list --binaries | jq -r .name
  hostledger hook run Snapshot --plugin wget --arg url=https://example.com

A plugin is a directory with an optional config.json and files called
on_<Event>__<NN>_<what>[.finite.bg|.daemon.bg].<py|js|sh>. Plugins are looked for in the directories
given with --plugins, in those of HOSTLEDGER_PLUGINS, and in plugins of the ledger's own. Hooks in
Python are interpreted by HOSTLEDGER_PYTHON, python3 unless it is set.";

/// List the hooks of plugins, or run those of an event
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Run(run::Args),
}

/// Does what is asked for.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    match &args.command {
        Command::List(args) => list::run(args, globals, printer),
        Command::Run(args) => run::run(args, globals, printer),
    }
}

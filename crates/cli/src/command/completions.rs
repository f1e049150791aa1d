//! `hostledger completions`: for shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::OutputLost;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger completions bash > /etc/bash_completion.d/hostledger
  hostledger completions zsh > ~/.zfunc/_hostledger
  hostledger completions fish > ~/.config/fish/completions/hostledger.fish";

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints them.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hostledger", &mut script);
    std::io::Write::write_all(printer.raw(), &script).map_err(OutputLost)?;
    Ok(Exit::Success)
}

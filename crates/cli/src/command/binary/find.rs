//! `hostledger binary find`: programs that are on this host.

use hostledger::LedgerError;

use super::install::print;
use super::reasons;
use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger binary find git
  hostledger binary find git curl --json | jq -r .abspath
  hostledger binary find /opt/tools/bin/jq

A program is looked for in <NAME>_BINARY of the environment or the machine's configuration, then among
those that are installed and have not changed, then in lib/bin of the ledger and on PATH. Nothing is
downloaded.

Exit codes: 0 when all are found; 1 when one is not.";

/// Find programs on this host, and record them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The program's name, or an absolute path
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Finds them.
pub(super) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let mut exit = Exit::Success;
    for name in &args.names {
        match ledger.find_program(name) {
            Ok(binary) => print(&binary, printer)?,
            Err(LedgerError::NotInstalled { binary }) => {
                reasons::report(&format!("{name} is not found"), &binary);
                exit = Exit::Failure;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(exit)
}

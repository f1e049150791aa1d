//! `hostledger restart`: what has ended is queued once more.

use anstyle::Style;

use super::distinct;
use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger restart 0198c0de
  hostledger ps --all --since 1d --json | jq -r 'select(.exit_code > 0).id' | xargs hostledger restart

The id of the new record is printed; it names the old one, which stays as it is (restart_of in
show). A process with secret variables can be restarted as long as their values are kept: while
others that were submitted with it have not ended.

Exit codes: 0 when all are queued; 1 when one is not.";

/// Queue what has ended once more: same command, directory, variables and options, a new record
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Ids of processes that have ended, or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Queues them.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let mut exit = Exit::Success;
    for id in distinct(&ledger, &args.ids)? {
        match ledger.restart(id) {
            Ok(process) if printer.is_json() => printer.json(&process.to_json())?,
            Ok(process) => printer.line(Style::new(), &process.id.to_string())?,
            Err(failure) => {
                error::report_cause(&failure);
                exit = Exit::Failure;
            }
        }
    }
    Ok(exit)
}

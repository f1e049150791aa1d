//! `hostledger cancel`: queued work is taken back.

use std::time::Duration;

use anstyle::Style;
use hostledger::{Cancelled, ProcessId};

use super::distinct;
use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger cancel 0198c0de
  hostledger ps --status queued --json | jq -r .id | xargs hostledger cancel

Work that a worker has taken on already is asked of it, for 5 s at most. What is started meanwhile is
told to end, and not cancelled.

Exit codes: 0 when all are cancelled; 1 when one is not, or there is no such process.";

/// How long to wait for those who have taken the work on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Take queued work back before it starts
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Ids of processes or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Cancels.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let ids = distinct(&ledger, &args.ids)?;
    let mut exit = Exit::Success;
    for (&id, answer) in ids.iter().zip(ledger.cancel(&ids, PATIENCE)?) {
        let cancelled = match answer {
            Ok(Cancelled::Cancelled) => true,
            Ok(answer) => {
                report(id, answer);
                false
            }
            Err(failure) => {
                error::report_cause(&failure);
                false
            }
        };
        if !cancelled {
            exit = Exit::Failure;
        }
        if printer.is_json() {
            printer.json(&ledger.process(id)?.to_json())?;
        } else if cancelled {
            printer.line(Style::new(), &format!("{id} cancelled"))?;
        }
    }
    Ok(exit)
}

/// Says why it is not cancelled.
fn report(id: ProcessId, answer: Cancelled) {
    match answer {
        Cancelled::Cancelled => {}
        Cancelled::Asked => {
            error::report_text(&format!(
                "process {id} was taken on by a worker that has not answered yet"
            ));
            error::hint("it was asked for: a worker that starts it all the same ends it at once");
        }
        Cancelled::Started => {
            error::report_text(&format!(
                "process {id} has started: it is not queued any more"
            ));
            error::hint(&format!("hostledger kill {id} ends it"));
        }
        Cancelled::Ended => {
            error::report_text(&format!(
                "process {id} has ended: there is nothing to cancel"
            ));
        }
    }
}

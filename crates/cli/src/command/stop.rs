//! `hostledger stop`: ends all that runs.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use hostledger::{Ledger, LedgerError, ProcessType, StopReport, StopResult, Stopped};
use serde_json::json;

use super::ending;
use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::table::Table;
use crate::text::command_line;

const EXAMPLES: &str = "\
Examples:
  hostledger stop
  hostledger stop --type worker
  hostledger stop --json | jq 'select(.stopped == \"survived\")'

Exit codes: 0 when all have ended, also when nothing ran; 1 when something has not or could not be
stopped.";

/// How long they have to end before SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// End all recorded processes of this machine that run, or all of a type
///
/// SIGTERM to each and to what it started, as far as the kill mode of its record says, and SIGKILL
/// to what has not ended after 5 s; all at the same time.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only those of this type: supervisord, orchestrator, worker, cli, hook or binary
    #[arg(long = "type", value_name = "TYPE")]
    process_type: Option<ProcessType>,
}

/// Ends them.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let results = ledger.stop_all(args.process_type, Some(GRACE))?;
    let mut exit = Exit::Success;
    for result in &results {
        if failed(result) {
            exit = Exit::Failure;
        }
    }
    if printer.is_json() {
        for result in &results {
            printer.json(&json(&ledger, result)?)?;
        }
    } else if results.is_empty() {
        printer.line(Style::new(), "nothing was running")?;
    } else {
        printer.table(table(&results))?;
    }
    Ok(exit)
}

/// Says on stderr what was not done; says whether there is anything.
fn failed(result: &StopResult) -> bool {
    match &result.report {
        Ok(report) => ending::report_survivors(report),
        Err(failure) => {
            error::report_cause(failure);
            true
        }
    }
}

fn json(ledger: &Ledger, result: &StopResult) -> Result<String, LedgerError> {
    let id = result.process.id;
    Ok(match &result.report {
        Ok(report) if report.stopped == Stopped::Survived => {
            ending::record_with(&ledger.process(id)?.to_json(), ending::fields(report))
        }
        Ok(report) => ending::record_with(
            &ending::ended(ledger, id)?.to_json(),
            ending::fields(report),
        ),
        Err(_) => ending::record_with(&result.process.to_json(), json!({"stopped": FAILED})),
    })
}

const FAILED: &str = "failed";

fn table(results: &[StopResult]) -> Table {
    let mut table = Table::new(&["id", "type", "stopped", "ended", "command"]);
    for StopResult { process, report } in results {
        let (stopped, count, style) = match report {
            Ok(report) => (ending::word(report.stopped), report.ended, style(report)),
            Err(_) => (FAILED, 0, AnsiColor::Red.on_default()),
        };
        let cells = vec![
            process.id.to_string(),
            process.process_type.to_string(),
            stopped.to_owned(),
            count.to_string(),
            command_line(process),
        ];
        table.row(cells, style);
    }
    table
}

fn style(report: &StopReport) -> Style {
    match report.stopped {
        Stopped::Survived => AnsiColor::Red.on_default(),
        Stopped::Killed => AnsiColor::Yellow.on_default(),
        Stopped::AlreadyEnded | Stopped::Ended => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::process;

    #[test]
    fn what_came_of_each_stands_in_a_row() {
        let result = |command: &[&str], stopped, ended| {
            let mut process = process(command);
            process.id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
            let id = process.id;
            let survivors = Vec::new();
            let report = Ok(StopReport {
                id,
                stopped,
                ended,
                survivors,
            });
            StopResult { process, report }
        };
        let table = table(&[
            result(&["sleep", "9"], Stopped::Ended, 1),
            result(&["sh", "-c", "exec sleep 9"], Stopped::Killed, 2),
        ]);
        let lines: Vec<_> = table
            .lines(None)
            .into_iter()
            .map(|(_, line)| line)
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        ID                                    TYPE  STOPPED  ENDED  COMMAND
        01890a5d-ac96-774b-bcce-b302099a8057  cli   ended    1      sleep 9
        01890a5d-ac96-774b-bcce-b302099a8057  cli   killed   2      sh -c 'exec sleep 9'
        ");
    }
}

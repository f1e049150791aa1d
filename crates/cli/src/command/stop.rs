//! `hostledger stop`: ends all that runs.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use hostledger::{Ledger, LedgerError, Process, ProcessType, StopReport, StopResult, Stopped};
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
stopped. What runs this command itself is left alone, which counts as not stopped.";

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

/// What came of stopping one of them.
struct Row {
    process: Process,
    /// In a word.
    word: &'static str,
    report: Option<StopReport>,
    /// Whether it may still run.
    failed: bool,
}

/// Ends them.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let results = ledger.stop_all(args.process_type, Some(GRACE))?;
    let rows: Vec<Row> = results.into_iter().map(Row::new).collect();
    if printer.is_json() {
        for row in &rows {
            printer.json(&row.json(&ledger)?)?;
        }
    } else if rows.is_empty() {
        printer.line(Style::new(), "nothing was running")?;
    } else {
        printer.table(table(&rows))?;
    }
    Ok(if rows.iter().any(|row| row.failed) {
        Exit::Failure
    } else {
        Exit::Success
    })
}

impl Row {
    /// Says on stderr what was not done.
    fn new(result: StopResult) -> Self {
        let StopResult { process, report } = result;
        let (word, failed, report) = match report {
            Err(failure) => {
                error::report_cause(&failure);
                ("failed", true, None)
            }
            Ok(report) if report.spared => {
                ending::report_spared(report.id);
                ("spared", true, Some(report))
            }
            Ok(report) => {
                let failed = ending::report_survivors(&report);
                (ending::word(report.stopped), failed, Some(report))
            }
        };
        Self {
            process,
            word,
            report,
            failed,
        }
    }

    fn json(&self, ledger: &Ledger) -> Result<String, LedgerError> {
        let id = self.process.id;
        let process = if self.failed {
            ledger.process(id)?
        } else {
            ending::ended(ledger, id)?
        };
        let mut fields = self.report.as_ref().map_or(json!({}), ending::fields);
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("stopped".to_owned(), self.word.into());
        }
        Ok(ending::record_with(&process.to_json(), fields))
    }

    fn style(&self) -> Style {
        let killed = self
            .report
            .as_ref()
            .is_some_and(|report| report.stopped == Stopped::Killed);
        if self.failed {
            AnsiColor::Red.on_default()
        } else if killed {
            AnsiColor::Yellow.on_default()
        } else {
            Style::new()
        }
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["id", "type", "stopped", "ended", "command"]);
    for row in rows {
        let process = &row.process;
        let ended = row.report.as_ref().map_or(0, |report| report.ended);
        let cells = vec![
            process.id.to_string(),
            process.process_type.to_string(),
            row.word.to_owned(),
            ended.to_string(),
            command_line(process),
        ];
        table.row(cells, row.style());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::process;

    #[test]
    fn what_came_of_each_stands_in_a_row() {
        let row = |command: &[&str], stopped, ended| {
            let mut process = process(command);
            process.id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
            Row {
                word: ending::word(stopped),
                report: Some(StopReport {
                    id: process.id,
                    stopped,
                    ended,
                    survivors: Vec::new(),
                    spared: false,
                }),
                failed: false,
                process,
            }
        };
        let table = table(&[
            row(&["sleep", "9"], Stopped::Ended, 1),
            row(&["sh", "-c", "exec sleep 9"], Stopped::Killed, 2),
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

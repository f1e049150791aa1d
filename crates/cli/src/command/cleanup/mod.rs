//! `hostledger cleanup`: rows that say of processes what is no longer true.

mod prune;

use std::time::Duration;

use anstyle::Style;
use hostledger::model::parse_duration;
use hostledger::{Cleaned, CleanedRow, Ledger, LedgerError, Outcome, Process, Replayed, Stopped};
use serde_json::{Value, json};

use super::ending;
use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::table::Table;
use crate::text::command_line;

const EXAMPLES: &str = "\
Examples:
  hostledger cleanup
  hostledger cleanup --no-kill          stop nothing, say what would be
  hostledger cleanup --json | jq 'select(.found == \"orphan\")'
  hostledger cleanup --older-than 30d           say what history is that old
  hostledger cleanup --older-than 30d --delete  delete it, logs included

What is found and done:
  gone     its process had ended and nobody wrote it down: settled, with its exit code if anybody
           saw it, else as lost
  overdue  it has run for 30 s longer than its timeout: stopped
  orphan   a worker or hook whose root has gone: stopped, unless it was detached
  old      recorded and ended longer ago than --older-than: deleted with attempts, logs and kept
           secrets, when --delete is given; never what is queued or runs, nor what something that
           runs descends from. Deleting goes on in small steps; interrupted, it can be done again
Exit codes of -1, by which older writers meant that a process was gone, become 137.

Exit codes: 0, or 1 when something could not be done.";

/// Settle what is recorded as running and is not, stop what should not run any more
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only report what would be stopped
    #[arg(long)]
    no_kill: bool,
    /// Look for processes of this machine that ended longer ago than this, such as 30d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    older_than: Option<Duration>,
    /// Delete them, with their attempts and logs
    #[arg(long, requires = "older_than")]
    delete: bool,
}

/// What was found of a process and done about it.
struct Row {
    found: &'static str,
    action: &'static str,
    /// As it is afterwards.
    process: Process,
    /// What came of a stop.
    stop: Option<Value>,
}

/// Cleans.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let cleaned = ledger.cleanup(!args.no_kill)?;
    let Cleaned {
        replayed,
        mended,
        settled,
        overdue,
        orphans,
        corrupt,
        failed,
    } = cleaned;
    let mut has_failed = !corrupt.is_empty() || !failed.is_empty();
    let stopped = overdue.iter().chain(&orphans);
    for report in stopped.filter_map(|row| row.stopped.as_ref()) {
        has_failed |= ending::report_survivors(report);
    }
    for row in corrupt {
        error::report(&row.into());
    }
    for (_, failure) in failed {
        error::report(&LedgerError::from(failure).into());
    }
    let mut rows: Vec<Row> = settled.into_iter().map(Row::settled).collect();
    for (found, list) in [("overdue", overdue), ("orphan", orphans)] {
        for cleaned in list {
            rows.push(Row::of(&ledger, found, cleaned)?);
        }
    }
    print(replayed, mended, &rows, printer)?;
    if let Some(age) = args.older_than {
        has_failed |= prune::run(&ledger, age, args.delete, printer)?;
    }
    Ok(if has_failed {
        Exit::Failure
    } else {
        Exit::Success
    })
}

impl Row {
    fn settled(process: Process) -> Self {
        Self {
            found: "gone",
            action: "settled",
            process,
            stop: None,
        }
    }

    fn of(ledger: &Ledger, found: &'static str, cleaned: CleanedRow) -> Result<Self, LedgerError> {
        let action = match cleaned.stopped.as_ref().map(|report| report.stopped) {
            None => "reported",
            Some(Stopped::Survived) => "survived",
            Some(Stopped::AlreadyEnded | Stopped::Ended | Stopped::Killed) => "stopped",
        };
        let process = if cleaned.is_ended() {
            ending::ended(ledger, cleaned.process.id)?
        } else {
            cleaned.process
        };
        Ok(Self {
            found,
            action,
            process,
            stop: cleaned.stopped.as_ref().map(ending::fields),
        })
    }

    fn json(&self) -> String {
        let Process {
            id,
            outcome,
            exit_code,
            ..
        } = &self.process;
        let line = json!({
            "id": id.to_string(),
            "found": self.found,
            "action": self.action,
            "outcome": outcome.map(Outcome::as_str),
            "exit_code": exit_code,
        });
        match &self.stop {
            None => line.to_string(),
            Some(stop) => ending::record_with(&line.to_string(), stop.clone()),
        }
    }

    fn cells(&self) -> Vec<String> {
        let process = &self.process;
        let outcome = match (process.outcome, process.exit_code) {
            (Some(outcome), Some(code)) => format!("{outcome} {code}"),
            (Some(outcome), None) => outcome.to_string(),
            (None, _) => process.status.to_string(),
        };
        vec![
            process.id.to_string(),
            self.found.to_owned(),
            self.action.to_owned(),
            outcome,
            command_line(process),
        ]
    }
}

fn print(
    replayed: Replayed,
    mended: usize,
    rows: &[Row],
    printer: &mut Printer,
) -> anyhow::Result<()> {
    if printer.is_json() {
        for row in rows {
            printer.json(&row.json())?;
        }
        return Ok(());
    }
    let Replayed { started, ended } = replayed;
    if started + ended > 0 {
        let text = format!("written down from keepers: {started} starts, {ended} ends");
        printer.line(Style::new(), &text)?;
    }
    if mended > 0 {
        let text = format!("exit codes of -1, which mean 137: {mended} mended");
        printer.line(Style::new(), &text)?;
    }
    if rows.is_empty() {
        printer.line(Style::new(), "every row is as it should be")?;
        return Ok(());
    }
    let mut table = Table::new(&["id", "found", "action", "outcome", "command"]);
    for row in rows {
        table.row(row.cells(), Style::new());
    }
    printer.table(table)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use hostledger::ProcessStatus;

    use super::*;
    use crate::text::tests::process;

    #[test]
    fn what_was_settled_is_a_line_of_its_own() {
        let mut process = process(&["sleep", "9"]);
        process.id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        process.status = ProcessStatus::Exited;
        process.outcome = Some(Outcome::Lost);
        let row = Row::settled(process);
        assert_eq!(row.cells()[1..], ["gone", "settled", "lost", "sleep 9"]);
        let line: Value = serde_json::from_str(&row.json()).unwrap();
        assert_eq!(line["id"], "01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(line["action"], "settled");
        assert_eq!(line["outcome"], "lost");
        assert_eq!(line["exit_code"], Value::Null);
    }

    #[test]
    fn what_is_only_reported_has_no_outcome() {
        let row = Row {
            found: "overdue",
            action: "reported",
            process: process(&["sleep", "9"]),
            stop: None,
        };
        assert_eq!(row.cells()[1..4], ["overdue", "reported", "queued"]);
        let line: Value = serde_json::from_str(&row.json()).unwrap();
        assert_eq!(line["outcome"], Value::Null);
    }
}

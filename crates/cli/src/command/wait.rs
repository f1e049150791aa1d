//! `hostledger wait`: until processes have ended.

use std::time::Duration;

use hostledger::model::{format_duration, parse_duration};
use hostledger::{LedgerError, Process, ProcessId};

use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::parallel;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger wait 0198c0de              its exit code becomes ours
  hostledger wait --timeout 30s pid:4711
  hostledger wait --json 0198c0de 0198c0df

Exit codes:
  one process    that of the process; 125 when nobody knows how it ended
  several        0 when all have succeeded, else 1
  124            the time ran out; what has not ended runs on
  1              there is no such process, or it cannot be waited for";

/// Wait until processes have ended; with --json print each record as it ends
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The processes: ids or their beginnings, or pid:N for running ones
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Wait no longer than this in all, such as 500ms, 30s or 1h30m
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

/// Waits.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let ids = super::distinct(&ledger, &args.ids)?;
    let timeout = args.timeout;
    let mut exits = Vec::new();
    for (id, answer) in parallel::each(&ids, move |id| ledger.wait(id, timeout))? {
        if let (Ok(Some(process)), true) = (&answer, printer.is_json()) {
            printer.json(&process.to_json())?;
            printer.flush()?;
        }
        exits.push(exit(id, answer, timeout));
    }
    Ok(together(&exits))
}

fn exit(
    id: ProcessId,
    answer: Result<Option<Process>, LedgerError>,
    timeout: Option<Duration>,
) -> Exit {
    match answer {
        Ok(Some(process)) => {
            let exit = Exit::of(&process);
            if exit == Exit::Ours {
                error::report_text(&format!("how process {id} ended is not known"));
            }
            exit
        }
        Ok(None) => {
            let waited = format_duration(timeout.unwrap_or_default());
            error::report_text(&format!("process {id} has not ended within {waited}"));
            Exit::TimeOut
        }
        Err(failure) => {
            error::report(&failure.into());
            Exit::Failure
        }
    }
}

fn together(exits: &[Exit]) -> Exit {
    match exits {
        [one] => *one,
        _ if exits.contains(&Exit::TimeOut) => Exit::TimeOut,
        _ if exits.iter().all(|exit| exit.code() == 0) => Exit::Success,
        _ => Exit::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_gives_its_code_and_several_whether_all_succeeded() {
        let code = |exits: &[Exit]| together(exits).code();
        assert_eq!(code(&[Exit::Program(7)]), 7);
        assert_eq!(code(&[Exit::Ours]), 125);
        assert_eq!(code(&[Exit::Program(0), Exit::Program(0)]), 0);
        assert_eq!(code(&[Exit::Program(0), Exit::Program(7)]), 1);
        assert_eq!(code(&[Exit::Program(7), Exit::TimeOut]), 124);
        assert_eq!(code(&[Exit::Program(0), Exit::Failure]), 1);
    }
}

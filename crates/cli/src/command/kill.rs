//! `hostledger kill`: ends processes, or signals them.

use std::time::Duration;

use anstyle::Style;
use hostledger::model::{KillMode, format_duration, parse_duration};
use hostledger::{
    Ledger, LedgerError, Process, ProcessId, ProcessStatus, Signal, StopReport, Stopped,
};

use super::ending;
use crate::args::Globals;
use crate::error::{self, OutputLost};
use crate::exit::Exit;
use crate::parallel;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger kill 0198c0de              SIGTERM, and SIGKILL after 5 s
  hostledger kill --grace 30s pid:4711
  hostledger kill --tree 0198c0de       it and all that descends from it
  hostledger kill --signal HUP 0198c0de

Exit codes: 0 when every process got what was asked for; 1 when one had ended already and left
nothing to end, does not exist, could not be signalled, or has not ended though it was killed.";

/// How long they have to end before SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// The same when all that descends from them is ended.
const TREE_GRACE: Duration = Duration::from_secs(2);

/// End processes, or send them a signal; never hits another process that got the same pid
///
/// Without --signal: SIGTERM to the process and to what it started, as far as the kill mode of its
/// record says, and SIGKILL to what has not ended after the grace. Of a process that has ended, what
/// it has left running is ended. With --signal: that signal to the process alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The processes: ids or their beginnings, or pid:N for running ones
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Only send this signal, by name or number, such as HUP, SIGUSR1 or 10
    #[arg(long)]
    signal: Option<Signal>,
    /// End all that descends from them too, whatever their kill mode
    #[arg(long, conflicts_with = "signal")]
    tree: bool,
    /// How long they have to end before SIGKILL [default: 5s, with --tree 2s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "signal")]
    grace: Option<Duration>,
}

impl Args {
    fn wish(&self) -> Wish {
        match self.signal {
            Some(signal) => Wish::Send(signal),
            None if self.tree => Wish::End {
                scope: Some(KillMode::Tree),
                grace: self.grace.unwrap_or(TREE_GRACE),
            },
            None => Wish::End {
                scope: None,
                grace: self.grace.unwrap_or(GRACE),
            },
        }
    }
}

/// What is to be done to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    End {
        /// As far as its record says, or further.
        scope: Option<KillMode>,
        grace: Duration,
    },
    Send(Signal),
}

/// What came of it.
struct Done {
    what: What,
    /// Its row afterwards.
    process: Process,
}

#[derive(Debug)]
enum What {
    HadEnded,
    /// We run in it.
    Spared,
    Stopped {
        report: StopReport,
        /// Whether it had ended before, so that only what it had left was stopped.
        left: bool,
        grace: Duration,
    },
    Sent(Signal),
}

/// Ends or signals them, all at the same time.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let ids = super::distinct(&ledger, &args.ids)?;
    let wish = args.wish();
    let mut exit = Exit::Success;
    let mut printed = Ok(());
    // To the end, also when nobody reads any more: each is to be ended.
    for (_, answer) in parallel::each(&ids, move |id| fulfil(&ledger, id, wish))? {
        match answer {
            Ok(done) => {
                if failed(&done) {
                    exit = Exit::Failure;
                }
                printed = printed.and_then(|()| print(&done, printer));
            }
            Err(failure) => {
                error::report(&failure.into());
                exit = Exit::Failure;
            }
        }
    }
    printed?;
    Ok(exit)
}

fn fulfil(ledger: &Ledger, id: ProcessId, wish: Wish) -> Result<Done, LedgerError> {
    let what = match wish {
        Wish::End { scope, grace } => {
            let left = ledger.process(id)?.status == ProcessStatus::Exited;
            let report = ledger.terminate(id, scope, grace)?;
            if report.spared {
                What::Spared
            } else if report.stopped == Stopped::AlreadyEnded {
                What::HadEnded
            } else {
                What::Stopped {
                    report,
                    left,
                    grace,
                }
            }
        }
        Wish::Send(signal) if ledger.kill(id, signal)? => What::Sent(signal),
        Wish::Send(_) => What::HadEnded,
    };
    let process = match &what {
        What::Sent(_) | What::Spared => ledger.process(id)?,
        What::Stopped { report, .. } if report.stopped == Stopped::Survived => {
            ledger.process(id)?
        }
        What::HadEnded | What::Stopped { .. } => ending::ended(ledger, id)?,
    };
    Ok(Done { what, process })
}

/// Says on stderr what was not done; says whether there is anything.
fn failed(done: &Done) -> bool {
    match &done.what {
        What::HadEnded => error::report_text(&had_ended(&done.process)),
        What::Spared => ending::report_spared(done.process.id),
        What::Stopped { report, .. } => return ending::report_survivors(report),
        What::Sent(_) => return false,
    }
    true
}

fn had_ended(process: &Process) -> String {
    let id = process.id;
    let outcome = process
        .outcome
        .map(|outcome| format!(": {outcome}"))
        .unwrap_or_default();
    let code = process
        .exit_code
        .map(|code| format!(", exit code {code}"))
        .unwrap_or_default();
    format!("process {id} has ended already{outcome}{code}")
}

fn print(done: &Done, printer: &mut Printer) -> Result<(), OutputLost> {
    let Done { what, process } = done;
    if printer.is_json() {
        let record = process.to_json();
        let line = match what {
            What::Stopped { report, .. } => ending::record_with(&record, ending::fields(report)),
            What::HadEnded | What::Spared | What::Sent(_) => record,
        };
        return printer.json(&line).and_then(|()| printer.flush());
    }
    let id = process.id;
    let text = match what {
        What::HadEnded | What::Spared => return Ok(()),
        What::Sent(signal) => format!("{id} was sent {signal}"),
        What::Stopped {
            report,
            left,
            grace,
        } => stopped(report, *left, *grace),
    };
    printer
        .line(Style::new(), &text)
        .and_then(|()| printer.flush())
}

fn stopped(report: &StopReport, left: bool, grace: Duration) -> String {
    let StopReport { id, ended, .. } = report;
    let processes = if *ended == 1 { "process" } else { "processes" };
    let grace = format_duration(grace);
    match (report.stopped, *ended) {
        (Stopped::Survived, _) => format!("{id} survived: {ended} {processes} ended, not all"),
        (Stopped::Killed, _) if left => {
            format!("{id} had ended: {ended} {processes} that it left killed after {grace}")
        }
        (_, _) if left => format!("{id} had ended: {ended} {processes} that it left ended"),
        (Stopped::Killed, 0 | 1) => format!("{id} killed: it had not ended within {grace}"),
        (Stopped::Killed, _) => {
            format!("{id} killed: not all of {ended} processes had ended within {grace}")
        }
        (_, 0 | 1) => format!("{id} ended"),
        (_, _) => format!("{id} ended: {ended} processes"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;
    use crate::command::Command;

    fn wish(line: &str) -> Wish {
        let words = ["hostledger", "kill"].into_iter().chain(line.split(' '));
        match Cli::try_parse_from(words).unwrap().command {
            Command::Kill(args) => args.wish(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_tree_has_less_time_unless_it_is_said() {
        let end = |scope, seconds| Wish::End {
            scope,
            grace: Duration::from_secs(seconds),
        };
        assert_eq!(wish("01"), end(None, 5));
        assert_eq!(wish("--tree 01"), end(Some(KillMode::Tree), 2));
        assert_eq!(wish("--tree --grace 7s 01"), end(Some(KillMode::Tree), 7));
        assert_eq!(wish("--signal HUP 01"), Wish::Send(Signal::HUP));
    }

    #[test]
    fn a_signal_is_sent_to_no_tree() {
        for option in ["--tree", "--grace=1s"] {
            let words = ["hostledger", "kill", "--signal", "HUP", option, "01"];
            assert_eq!(Cli::try_parse_from(words).unwrap_err().exit_code(), 2);
        }
    }

    #[test]
    fn it_is_said_how_many_were_ended() {
        let report = |stopped, ended| StopReport {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            stopped,
            ended,
            survivors: Vec::new(),
            spared: false,
        };
        let text = |stopped, ended, left| {
            let text = super::stopped(&report(stopped, ended), left, GRACE);
            text.split_once(' ').unwrap().1.to_owned()
        };
        assert_eq!(text(Stopped::Ended, 1, false), "ended");
        assert_eq!(text(Stopped::Ended, 3, false), "ended: 3 processes");
        assert_eq!(
            text(Stopped::Killed, 1, false),
            "killed: it had not ended within 5s"
        );
        assert_eq!(
            text(Stopped::Ended, 1, true),
            "had ended: 1 process that it left ended"
        );
    }
}

//! `hostledger kill`: ends processes, or signals them.

use std::time::Duration;

use anstyle::Style;
use hostledger::model::{format_duration, parse_duration};
use hostledger::{Ledger, LedgerError, Process, ProcessId, Signal, Stopped};

use crate::args::Globals;
use crate::error::{self, OutputLost};
use crate::exit::Exit;
use crate::parallel;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger kill 0198c0de              SIGTERM, and SIGKILL after 5 s
  hostledger kill --grace 30s pid:4711
  hostledger kill --signal HUP 0198c0de

Exit codes: 0 when every process got what was asked for; 1 when one had ended already, does not
exist or could not be signalled.";

/// How long the row of a process that has ended may take to say so.
const UNTIL_RECORDED: Duration = Duration::from_secs(2);

/// End processes, or send them a signal; never hits another process that got the same pid
///
/// Without --signal: SIGTERM to the process and its process group, as its record says, and SIGKILL
/// to what has not ended after the grace. With --signal: that signal to the process alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The processes: ids or their beginnings, or pid:N for running ones
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Only send this signal, by name or number, such as HUP, SIGUSR1 or 10
    #[arg(long)]
    signal: Option<Signal>,
    /// How long they have to end before SIGKILL
    #[arg(
        long,
        value_name = "TIME",
        value_parser = parse_duration,
        default_value = "5s",
        conflicts_with = "signal"
    )]
    grace: Duration,
}

/// What is to be done to each.
#[derive(Debug, Clone, Copy)]
enum Wish {
    End { grace: Duration },
    Send(Signal),
}

/// What came of it.
struct Done {
    what: What,
    process: Process,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    HadEnded,
    Ended,
    Killed { grace: Duration },
    Survived,
    Sent(Signal),
}

/// Ends or signals them, all at the same time.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let ids = super::distinct(&ledger, &args.ids)?;
    let wish = match args.signal {
        Some(signal) => Wish::Send(signal),
        None => Wish::End { grace: args.grace },
    };
    let mut exit = Exit::Success;
    let mut printed = Ok(());
    // To the end, also when nobody reads any more: each is to be ended.
    for (_, answer) in parallel::each(&ids, move |id| fulfil(&ledger, id, wish))? {
        match answer {
            Ok(done) => {
                if done.what == What::HadEnded {
                    error::report_text(&had_ended(&done.process));
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
        Wish::End { grace } => match ledger.terminate(id, None, grace)?.stopped {
            Stopped::AlreadyEnded => What::HadEnded,
            Stopped::Ended => What::Ended,
            Stopped::Killed => What::Killed { grace },
            Stopped::Survived => What::Survived,
        },
        Wish::Send(signal) if ledger.kill(id, signal)? => What::Sent(signal),
        Wish::Send(_) => What::HadEnded,
    };
    let recorded = match what {
        // Its row may say so only in a moment; whoever supervises it writes it.
        What::HadEnded | What::Ended | What::Killed { .. } => {
            ledger.wait(id, Some(UNTIL_RECORDED))?
        }
        What::Sent(_) | What::Survived => None,
    };
    let process = recorded.map_or_else(|| ledger.process(id), Ok)?;
    Ok(Done { what, process })
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
        return printer
            .json(&process.to_json())
            .and_then(|()| printer.flush());
    }
    let id = process.id;
    let text = match what {
        What::HadEnded => return Ok(()),
        What::Ended => format!("{id} ended"),
        What::Survived => {
            format!("{id} was sent SIGKILL and has not ended: the kernel has it in a sleep")
        }
        What::Killed { grace } => {
            format!(
                "{id} killed: it had not ended within {}",
                format_duration(*grace)
            )
        }
        What::Sent(signal) => format!("{id} was sent {signal}"),
    };
    printer
        .line(Style::new(), &text)
        .and_then(|()| printer.flush())
}

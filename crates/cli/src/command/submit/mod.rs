//! `hostledger submit`: commands for later.

mod lines;

use std::ffi::OsString;
use std::time::Duration;

use anstyle::Style;
use hostledger::model::parse_duration;
use hostledger::{LedgerError, Process, Timestamp};

use super::launch_options::LaunchOptions;
use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::time::{parse_at, time_in};

const EXAMPLES: &str = "\
Examples:
  hostledger submit -- make test
  id=$(hostledger submit --max-attempts 5 --timeout 10m -- ./fetch.sh); hostledger wait \"$id\"
  hostledger submit --in 1h30m -- ./backup.sh
  hostledger submit --at '2026-12-24 18:00' --name carols -- ./ring.sh
  printf '{\"cmd\":[\"gzip\",\"%s\"]}\\n' *.log | hostledger submit - > ids
  hostledger submit - < commands.jsonl

Lines of `submit -`, one JSON object each; only cmd is required:
  {\"cmd\":[\"gzip\",\"a.log\"],\"pwd\":\"/var/log\",\"env\":{\"LANG\":\"C\"},\"timeout\":\"1.5s\",
   \"max_attempts\":3,\"retry_at\":\"2026-01-31T12:00:00Z\",\"name\":\"a log\"}
pwd is our own directory without; timeout is a number of seconds or a text, none without; retry_at
is when it is due. Blank lines and those that begin with # are passed over. A line has 8 MiB at
most. 10000 lines (or 32 MiB of them) make a batch, which is queued as a whole once it has been
read; the end of the input ends the last one. The first line that cannot be taken is told with its
number, nothing of its batch is queued, and no more is read.

Exit codes: 0 when all is queued, 1 when not, 2 when the command line makes no sense.";

/// Queue a command, to be run by `hostledger work`, and print its id
///
/// With - in the place of a command, commands are read from standard input, a line of JSON each,
/// and the ids printed in the same order.
///
/// A queued command reads nothing. Its environment is that of the worker with what is given here
/// added. The values of variables whose name has a word such as KEY, TOKEN or PASSWORD between
/// underscores are kept in a file that only this user can read until it has ended, and are never in
/// the ledger's records; arguments are: give no secret in one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "hostledger submit [OPTIONS] -- <COMMAND> [ARG]...\n       hostledger submit -"
)]
pub(crate) struct Args {
    /// Not before this time: local, such as '2026-01-31 12:00', or with an offset or Z; at once when
    /// it is past
    #[arg(long, value_name = "TIME", value_parser = parse_at, conflicts_with = "delay")]
    at: Option<Timestamp>,
    /// Not before this much time has passed, such as 90s or 1h30m
    #[arg(long = "in", id = "delay", value_name = "TIME", value_parser = parse_duration)]
    delay: Option<Duration>,
    /// Run it up to this often until it succeeds: a failure is tried again after a random
    /// while, of at most 1s at first, then 2s, 4s and so on up to 5m
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    max_attempts: u32,
    /// Count as a failure also that it could not be started, or that nobody learnt how it ended
    #[arg(long)]
    retry_lost: bool,
    #[command(flatten)]
    options: LaunchOptions,
    /// The program and its arguments, or - for lines of JSON
    #[arg(
        required = true,
        trailing_var_arg = true,
        value_name = "COMMAND",
        value_parser = clap::builder::OsStringValueParser::new()
    )]
    command: Vec<OsString>,
}

/// Queues.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    if args.command.first().is_some_and(|word| word == "-") {
        if args.says_more() {
            error::report_text(
                "submit - takes no arguments and no options but the global ones, before the -: each line says \
                 what it wants",
            );
            return Ok(Exit::Usage);
        }
        return lines::run(globals, printer);
    }
    match one(args, globals) {
        Ok(process) => {
            print(&process, printer)?;
            Ok(Exit::Success)
        }
        Err(failure) => {
            error::report(&failure);
            Ok(match failure.downcast_ref() {
                Some(LedgerError::Command(_)) => Exit::Usage,
                _ => Exit::Failure,
            })
        }
    }
}

fn one(args: &Args, globals: &Globals) -> anyhow::Result<Process> {
    let ledger = globals.open()?;
    let mut command = args
        .options
        .command(&args.command, &ledger)?
        .max_attempts(args.max_attempts);
    if args.retry_lost {
        command = command.retry_lost();
    }
    if let Some(at) = args.due_at() {
        command = command.due_at(at);
    }
    Ok(command.create()?)
}

impl Args {
    fn due_at(&self) -> Option<Timestamp> {
        self.at.or_else(|| self.delay.map(time_in))
    }

    /// Whether there is anything beside the first word.
    fn says_more(&self) -> bool {
        self.command.len() > 1
            || self.due_at().is_some()
            || self.max_attempts != 1
            || self.retry_lost
            || self.options.any()
    }
}

/// Prints which it is.
fn print(process: &Process, printer: &mut Printer) -> anyhow::Result<()> {
    if printer.is_json() {
        printer.json(&process.to_json())?;
    } else {
        printer.line(Style::new(), &process.id.to_string())?;
    }
    Ok(())
}

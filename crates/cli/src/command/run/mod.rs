//! `hostledger run`: a program, now, recorded.

mod attended;
mod detached;
mod foreground;

use std::ffi::OsString;
use std::time::Duration;

use hostledger::model::format_duration;
use hostledger::{CommandBuilder, Ledger, LedgerError, Outcome, Process};

use super::launch_options::LaunchOptions;
use crate::args::Globals;
use crate::error::{self, OutputLost};
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger run -- make test
  hostledger run --name nightly --cwd /srv/app -- ./backup.sh --full
  hostledger run --env LANG=C --env API_TOKEN=… -- sh -c 'echo \"$LANG\"'
  echo hello | hostledger run -- cat
  hostledger run -t -- vim notes.txt
  hostledger run -t --record -- ./deploy.sh
  hostledger run --timeout 90s -- ./fetch.sh
  hostledger run --retries 3 --timeout 5m -- ./fetch.sh
  id=$(hostledger run --detach -- ./serve.sh); hostledger logs -f \"$id\"

Exit codes:
  that of the program; 128 + signal when a signal ended it
  127 or 126  the program does not exist, or cannot be executed
  124         it ran longer than --timeout and was ended
  125         hostledger itself failed, or nobody knows how the program ended
  141         nobody reads our output any more; the program was ended by SIGPIPE
  2           the command line makes no sense
With --detach: 0 once the program is executed, or 127, 126 and 125 as above.

With --retries that of the last attempt, and --timeout is that of each.

Signals that ask to end (SIGINT, SIGQUIT, SIGHUP, SIGTERM) are passed on to the program and what
it started; it is not tried again then.

Whoever runs it tries it again: this program, or with --detach one of its kind that stays in the
background. What it reads is read once. When whoever runs it dies, the program goes on, and the
next attempt is queued: a worker (hostledger work) makes it, with the worker's environment, and
without the values of secret variables, which are gone; such a one is recorded as not started.";

/// Run a program now and record it; its output passes through, its exit code becomes ours
///
/// The output is recorded and passed on as it comes, byte for byte; the program sees no terminal
/// unless it is given ours with -t. What it reads is what we would read.
///
/// Variables given with --env are stored, except the values of those whose name has a word such
/// as KEY, TOKEN or PASSWORD between underscores. Arguments are stored as they are: give no
/// secret in one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "hostledger run [OPTIONS] -- <COMMAND> [ARG]..."
)]
pub(crate) struct Args {
    /// Give the program our terminal, as if we were not there; nothing it writes is kept
    #[arg(short, long)]
    terminal: bool,
    /// With -t, put a terminal of its own between: what it shows is recorded, as one stream
    #[arg(long, requires = "terminal")]
    record: bool,
    /// Print its id and return as soon as it is executed; it reads nothing and goes on by itself
    #[arg(long, conflicts_with = "terminal")]
    detach: bool,
    /// Let it read nothing (/dev/null)
    #[arg(long, conflicts_with = "terminal")]
    no_stdin: bool,
    /// Try it again up to this often when it fails: after a random while, of at most 1s at first, then 2s, 4s and so on up to 5m
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        conflicts_with = "terminal"
    )]
    retries: u32,
    #[command(flatten)]
    options: LaunchOptions,
    /// The program and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        value_name = "COMMAND",
        value_parser = clap::builder::OsStringValueParser::new()
    )]
    command: Vec<OsString>,
}

impl Args {
    /// The command that is to be run, and how.
    fn command(&self, ledger: &Ledger) -> anyhow::Result<CommandBuilder> {
        let command = self
            .options
            .command(&self.command, ledger)?
            .max_attempts(self.retries.saturating_add(1));
        Ok(if self.detach {
            command.detached()
        } else if self.record {
            command.recorded_terminal()
        } else if self.terminal {
            command.terminal()
        } else if self.no_stdin {
            command
        } else {
            command.inherit_stdin()
        })
    }
}

/// Runs the program: to its end, or detached until it is executed.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Exit {
    let ran = if args.detach && globals.is_attendant {
        attended::attend(args, globals)
    } else if args.detach && args.retries > 0 {
        attended::run(printer)
    } else if args.detach {
        detached::run(args, globals, printer)
    } else {
        foreground::run(args, globals)
    };
    ran.unwrap_or_else(|failure| {
        if OutputLost::is_reader_gone(&failure) {
            return Exit::ReaderGone;
        }
        error::report(&failure);
        match failure.downcast_ref() {
            Some(LedgerError::Command(_)) => Exit::Usage,
            _ => Exit::Ours,
        }
    })
}

/// How the program ended, as an exit code.
fn exit(process: &Process) -> Exit {
    match process.outcome {
        Some(Outcome::TimedOut) => Exit::TimeOut,
        // Between two attempts: as if it had been signalled while it ran.
        Some(Outcome::Cancelled) => {
            let signal = process.stop.as_ref().map(|stop| 128 + stop.signal);
            let code = signal.and_then(|code| u8::try_from(code).ok());
            code.map_or(Exit::Ours, Exit::Program)
        }
        _ => Exit::of(process),
    }
}

/// Says that the program is not the one that was installed.
fn tell_changed(running: &hostledger::Running) {
    if let Some(check) = running.changed_binary() {
        error::warn(&check.to_string());
    }
}

/// Says that it is tried again.
fn tell_attempt(running: &hostledger::Running, globals: &Globals) {
    let attempt = running.attempt();
    if attempt > 1
        && !globals.quiet
        && let Ok(process) = running.process()
        && process.outcome != Some(Outcome::Cancelled)
    {
        let of = process.max_attempts;
        error::warn(&format!("it has failed: attempt {attempt} of {of}"));
    }
}

/// Says what the exit code alone does not.
fn explain(process: &Process) {
    let id = process.id;
    match process.outcome {
        Some(Outcome::SpawnFailed) => error::report_text(&process.stderr),
        Some(Outcome::TimedOut) => {
            let limit = Duration::from_millis(process.timeout_ms.unwrap_or_default());
            let limit = format_duration(limit);
            error::report_text(&format!(
                "process {id} was ended: it ran longer than {limit}"
            ));
        }
        Some(Outcome::Cancelled) => {
            error::report_text(&format!(
                "process {id} was cancelled before attempt {}",
                process.attempt
            ));
        }
        Some(Outcome::Lost) | None => {
            error::report_text(&format!("how process {id} ended could not be learnt"));
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;
    use crate::command::Command;

    fn parse(words: &[&str]) -> Result<Args, clap::Error> {
        let words = ["hostledger", "run"].iter().chain(words);
        Cli::try_parse_from(words).map(|cli| match cli.command {
            Command::Run(args) => args,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn everything_after_the_program_is_the_program_s() {
        for words in [
            &["--", "ls", "-l", "--json", "--"][..],
            &["ls", "-l", "--json", "--"],
            &["-t", "--", "ls", "-l", "--json", "--"],
        ] {
            assert_eq!(parse(words).unwrap().command, ["ls", "-l", "--json", "--"]);
        }
    }

    #[test]
    fn arguments_may_be_any_bytes() {
        let odd = OsStr::from_bytes(b"\xff\xfe");
        let words = [
            "hostledger".as_ref(),
            "run".as_ref(),
            "--".as_ref(),
            "echo".as_ref(),
            odd,
        ];
        let Command::Run(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!()
        };
        assert_eq!(args.command, ["echo".as_ref(), odd]);
    }

    #[test]
    fn options_that_cannot_be_meant_are_bad_usage() {
        for words in [
            &[][..],
            &["--"],
            &["--unknown", "--", "true"],
            &["--nice", "20", "--", "true"],
            &["--umask", "888", "--", "true"],
            &["--rlimit", "files=1", "--", "true"],
            &["-t", "--no-stdin", "--", "true"],
            &["--name", &"x".repeat(256), "--", "true"],
            &["--timeout", "5", "--", "true"],
            &["--timeout", "0", "--", "true"],
            &["--detach", "-t", "--", "true"],
            &["--kill-mode", "none", "--", "true"],
            &["--max-log-size", "1MB", "--", "true"],
        ] {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }

    #[test]
    fn a_program_that_ran_too_long_gives_the_code_of_timeout() {
        let mut process = crate::text::tests::process(&["sleep", "9"]);
        process.exit_code = Some(143);
        assert_eq!(exit(&process).code(), 143);
        process.outcome = Some(Outcome::TimedOut);
        assert_eq!(exit(&process).code(), 124);
    }
}

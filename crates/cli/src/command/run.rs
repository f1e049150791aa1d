//! `hostledger run`: a program, now, recorded.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use hostledger::model::{ResourceLimit, parse_umask, process_limits};
use hostledger::{Ledger, LedgerError, Outcome, Process, Relayed, Running};

use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::signals::Forwarding;

const EXAMPLES: &str = "\
Examples:
  hostledger run -- make test
  hostledger run --name nightly --cwd /srv/app -- ./backup.sh --full
  hostledger run --env LANG=C --env API_TOKEN=… -- sh -c 'echo \"$LANG\"'
  echo hello | hostledger run -- cat
  hostledger run -t -- vim notes.txt

Exit codes:
  that of the program; 128 + signal when a signal ended it
  127 or 126  the program does not exist, or cannot be executed
  125         hostledger itself failed, or nobody knows how the program ended
  141         nobody reads our output any more; the program was ended by SIGPIPE
  2           the command line makes no sense

Signals that ask to end (SIGINT, SIGQUIT, SIGHUP, SIGTERM) are passed on to the program.";

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
    /// A name for people
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// Run it in this directory
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Give it a variable, in addition to our own environment; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    env: Vec<OsString>,
    /// Start from an empty environment instead of ours
    #[arg(long)]
    clear_env: bool,
    /// Let it read nothing (/dev/null)
    #[arg(long, conflicts_with = "terminal")]
    no_stdin: bool,
    /// Its nice value, -20 (most favoured) to 19
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(-20..=19)
    )]
    nice: Option<i32>,
    /// Its file mode creation mask, in octal
    #[arg(long, value_name = "MASK", value_parser = parse_umask)]
    umask: Option<u32>,
    /// A resource limit such as nofile=1024 or core=0:unlimited; repeatable
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    rlimit: Vec<ResourceLimit>,
    /// The program and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        value_name = "COMMAND",
        value_parser = clap::builder::OsStringValueParser::new()
    )]
    command: Vec<OsString>,
}

fn parse_name(name: &str) -> Result<String, hostledger::model::LimitExceeded> {
    process_limits::NAME.check(name)?;
    Ok(name.to_owned())
}

/// Runs the program to its end.
pub(crate) fn run(args: &Args, globals: &Globals) -> Exit {
    foreground(args, globals).unwrap_or_else(|failure| {
        error::report(&failure);
        match failure.downcast_ref() {
            Some(LedgerError::Command(_)) => Exit::Usage,
            _ => Exit::Ours,
        }
    })
}

fn foreground(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let command = command(args, &ledger)?;
    let signals = Forwarding::begin().context("cannot heed signals")?;
    let running = command.launch()?;
    tracing::info!(id = %running.id(), "launched");
    let (relayed, ended) = signals.during(&running, || {
        let relayed = if args.terminal {
            Ok(Relayed::All)
        } else {
            relay(&running)
        };
        (relayed, running.wait())
    });
    let process = ended?;
    let outcome = process.outcome.map(Outcome::as_str);
    tracing::info!(id = %process.id, outcome, exit_code = process.exit_code, "ended");
    explain(&process);
    Ok(match relayed? {
        Relayed::All => Exit::of(&process),
        Relayed::ReaderGone => Exit::ReaderGone,
    })
}

fn command(args: &Args, ledger: &Ledger) -> anyhow::Result<hostledger::CommandBuilder> {
    let mut words = args.command.iter().cloned();
    let program = words.next().unwrap_or_default();
    let mut command = ledger.command(program).args(words).no_timeout();
    for variable in &args.env {
        let (key, value) = parse_variable(variable)?;
        command = command.env(key, value);
    }
    for limit in &args.rlimit {
        command = command.limit(limit.clone());
    }
    if let Some(name) = &args.name {
        command = command.name(name);
    }
    if let Some(directory) = &args.cwd {
        command = command.current_dir(directory);
    }
    if let Some(nice) = args.nice {
        command = command.nice(nice);
    }
    if let Some(umask) = args.umask {
        command = command.umask(umask);
    }
    if args.clear_env {
        command = command.env_clear();
    }
    Ok(match (args.terminal, args.no_stdin) {
        (true, _) => command.terminal(),
        (false, false) => command.inherit_stdin(),
        (false, true) => command,
    })
}

/// Splits `KEY=VALUE`. No message ever shows a value: it may be secret.
fn parse_variable(variable: &OsStr) -> anyhow::Result<(String, String)> {
    let bytes = variable.as_bytes();
    let Some(at) = bytes.iter().position(|byte| *byte == b'=') else {
        return Err(anyhow!(
            "--env {}: there is no '=': write KEY=VALUE",
            variable.display()
        ));
    };
    let (key, value) = (bytes.get(..at), bytes.get(at + 1..));
    let text = |part: Option<&[u8]>| String::from_utf8(part.unwrap_or_default().to_vec());
    let name = String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
    match (text(key), text(value)) {
        (Ok(key), _) if key.is_empty() => Err(anyhow!("--env: there is no name before the '='")),
        (Ok(key), Ok(value)) => Ok((key, value)),
        (Err(_), _) => Err(anyhow!("--env {name}: the name is not UTF-8")),
        (_, Err(_)) => Err(anyhow!(
            "--env {name}: the value is not UTF-8, which cannot be recorded"
        )),
    }
}

fn relay(running: &Running) -> Result<Relayed, LedgerError> {
    running.relay(io::stdout(), io::stderr())
}

/// Says what the exit code alone does not.
fn explain(process: &Process) {
    match process.outcome {
        Some(Outcome::SpawnFailed) => error::report_text(&process.stderr),
        Some(Outcome::Lost) | None => {
            let id = process.id;
            error::report_text(&format!("how process {id} ended could not be learnt"));
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
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
        ] {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
        assert_eq!(parse(&["--nice", "-5", "true"]).unwrap().nice, Some(-5));
    }

    #[test]
    fn a_variable_is_split_at_its_first_equals_sign() {
        let split = |text: &str| parse_variable(OsStr::new(text)).unwrap();
        assert_eq!(split("A=b=c"), ("A".to_owned(), "b=c".to_owned()));
        assert_eq!(split("A="), ("A".to_owned(), String::new()));
    }

    #[test]
    fn a_variable_that_is_refused_is_named_and_its_value_is_not() {
        let refused = |bytes: &[u8]| {
            parse_variable(OsStr::from_bytes(bytes))
                .unwrap_err()
                .to_string()
        };
        assert!(refused(b"FOO").contains("FOO") && refused(b"FOO").contains("KEY=VALUE"));
        assert!(!refused(b"=hunter2").contains("hunter2"));
        let error = refused(b"FOO=hunter2\xff");
        assert!(
            error.contains("FOO") && !error.contains("hunter2"),
            "{error}"
        );
        assert!(!refused(b"\xff=hunter2").contains("hunter2"));
    }
}

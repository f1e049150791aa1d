//! `hostledger run`: a program, now, recorded.

mod detached;
mod draft;
mod foreground;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use hostledger::model::{InvalidDuration, KillMode, ResourceLimit};
use hostledger::model::{parse_duration, parse_umask, process_limits};
use hostledger::{LedgerError, Outcome, Process};

use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::size::parse_size;

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

@@BODY@@
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

//! The command line as a whole: global options and the commands.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser as _;
use clap::{ArgAction, Args, Parser};
use hostledger::{Ledger, LedgerError, LedgerOptions};

use crate::command::Command;

const EXAMPLES: &str = "\
Examples:
  hostledger run -- make test           run a program, recorded; its exit code becomes ours
  hostledger ps --all --since 1d        what has run since yesterday
  hostledger show 0198c0de              everything about one record
  hostledger logs 0198c0de -n 20        the last lines it wrote
  hostledger export > ledger.jsonl      all records as JSON lines

The ledger is a directory, made at first use; nothing has to be initialised.";

/// Runs programs and accounts for every one of them.
///
/// What was run, by whom and where, what it wrote, how it ended and what it used is kept in a
/// ledger of this host.
#[derive(Debug, Parser)]
#[command(name = "hostledger", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The option that only we give, to ourselves, before all others.
pub(crate) const ATTENDANT: &str = "attendant";

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The ledger's directory [env: HOSTLEDGER_DATA] [default: $XDG_DATA_HOME/hostledger]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Another database than the directory's own: sqlite:PATH or postgres://… [env:
    /// HOSTLEDGER_DATABASE]
    #[arg(long, global = true, value_name = "URL", value_parser = database_url())]
    database: Option<OsString>,
    /// Print records as JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no ids, tables or progress, only errors (and JSON, if asked for)
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Refuse to launch recorded programs that have changed since they were installed
    #[arg(long, global = true)]
    strict: bool,
    /// Show on stderr what happens inside; -vv and -vvv show more, RUST_LOG refines it
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// We are what `run --detach --retries` has started to carry on
    #[arg(long = ATTENDANT, hide = true)]
    pub(crate) is_attendant: bool,
}

impl Globals {
    /// How the ledger is to be opened.
    pub(crate) fn options(&self) -> LedgerOptions {
        let mut options = Ledger::options().strict(self.strict);
        let data = self
            .data
            .clone()
            .or_else(|| variable("HOSTLEDGER_DATA").map(PathBuf::from));
        if let Some(directory) = data {
            options = options.data_dir(directory);
        }
        if let Some(url) = self
            .database
            .clone()
            .or_else(|| variable("HOSTLEDGER_DATABASE"))
        {
            options = options.database(url);
        }
        options
    }

    /// Opens the ledger.
    pub(crate) fn open(&self) -> Result<Ledger, LedgerError> {
        self.options().open()
    }
}

/// An empty variable is none, as the XDG base directory specification has it; an empty option
/// would be a mistake.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn database_url() -> impl clap::builder::TypedValueParser<Value = OsString> {
    OsStringValueParser::new().try_map(|url| {
        if url.is_empty() {
            Err("give a database such as sqlite:PATH")
        } else {
            Ok(url)
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, error::ErrorKind};

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_is_for_and_shows_examples() {
        let cli = Cli::command();
        for command in cli.get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let examples = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                examples.starts_with("Examples:\n  hostledger "),
                "{}",
                command.get_name()
            );
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {argument}",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in [
            ["hostledger", "--json", "--data", "/d", "ps"],
            ["hostledger", "ps", "--json", "--data", "/d"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(cli.globals.json && cli.globals.data == Some("/d".into()));
        }
    }

    #[test]
    fn what_is_not_built_yet_is_refused() {
        for line in ["run --record -- true", "cleanup --delete"] {
            let words = ["hostledger"].into_iter().chain(line.split(' '));
            let error = Cli::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn an_empty_directory_or_database_is_a_mistake() {
        for option in ["--data", "--database"] {
            let error = Cli::try_parse_from(["hostledger", option, "", "ps"]).unwrap_err();
            assert!(matches!(
                error.kind(),
                ErrorKind::InvalidValue | ErrorKind::ValueValidation
            ));
        }
    }
}

//! `hostledger export`: all records as JSON lines.

use clap::ValueEnum;
use hostledger::{Binary, LedgerError, Machine, NetworkInterface, Process, StoreError, Timestamp};

use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::time;

const EXAMPLES: &str = "\
Examples:
  hostledger export > ledger.jsonl
  hostledger export --type Process --since 1d | jq .cmd
  hostledger --database sqlite:index.sqlite3 export";

/// Print all records as JSON lines, one kind after another, each in the order of its making
///
/// Variables of the environment are never exported. A row that cannot be read is named on stderr
/// and the rest is exported; the exit code is 1 then.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only this kind of record; repeatable
    #[arg(long = "type", value_name = "TYPE", ignore_case = true)]
    types: Vec<Kind>,
    /// Only what has changed since then: so long ago (2h, 1d12h), or a time (2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = time::parse_since)]
    since: Option<Timestamp>,
}

/// By the `type` of their records, in the order of export: none names one that comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Kind {
    /// Hosts
    Machine,
    /// Ways to the network
    #[value(alias = "interface")]
    NetworkInterface,
    /// Programs, installed or asked for
    Binary,
    /// Executions of commands
    Process,
}

/// Exports them.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let mut complete = true;
    for kind in Kind::value_variants() {
        if !args.types.is_empty() && !args.types.contains(kind) {
            continue;
        }
        complete &= match kind {
            Kind::Machine => print(ledger.all_machines(), args, printer)?,
            Kind::NetworkInterface => print(ledger.all_interfaces(), args, printer)?,
            Kind::Binary => print(ledger.all_binaries(), args, printer)?,
            Kind::Process => print(ledger.all_processes(), args, printer)?,
        };
    }
    Ok(if complete {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// Says whether every row could be read.
fn print<T: Exported>(
    records: impl Iterator<Item = Result<T, StoreError>>,
    args: &Args,
    printer: &mut Printer,
) -> anyhow::Result<bool> {
    let mut complete = true;
    for record in records {
        match record {
            Ok(record) => {
                if args.since.is_none_or(|since| record.modified_at() >= since) {
                    printer.json(&record.json())?;
                }
            }
            Err(StoreError::Corrupt(row)) => {
                error::report(&row.into());
                complete = false;
            }
            Err(failure) => return Err(LedgerError::from(failure).into()),
        }
    }
    Ok(complete)
}

/// A record as far as the export needs it.
trait Exported {
    fn modified_at(&self) -> Timestamp;
    fn json(&self) -> String;
}

macro_rules! exported {
    ($($record:ty),*) => {$(
        impl Exported for $record {
            fn modified_at(&self) -> Timestamp {
                self.modified_at
            }

            fn json(&self) -> String {
                self.to_json()
            }
        }
    )*};
}

exported!(Machine, NetworkInterface, Binary, Process);

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;
    use crate::command::Command;

    #[test]
    fn types_are_those_of_the_records_in_any_case() {
        let line = "hostledger export --type process --type NetworkInterface --type interface";
        let Command::Export(args) = Cli::try_parse_from(line.split(' ')).unwrap().command else {
            panic!()
        };
        assert_eq!(
            args.types,
            [
                Kind::Process,
                Kind::NetworkInterface,
                Kind::NetworkInterface
            ]
        );
        assert!(Cli::try_parse_from(["hostledger", "export", "--type", "x"]).is_err());
    }
}

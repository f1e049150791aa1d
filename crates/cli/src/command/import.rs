//! `hostledger import`: records of others, as JSON lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use hostledger::{Imported, LONGEST_RECORD};
use serde_json::json;

use crate::args::Globals;
use crate::error::{self, OutputLost};
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger import records.jsonl
  some-hook | hostledger import -
  ssh host hostledger export --type Binary | hostledger import -

Records of type Binary, BinaryRequest, Machine, NetworkInterface and Process are taken in, as being
about this machine unless they name another one that the ledger knows: a binary with path and version
is installed, one without is asked for (hostledger work installs it); a machine's config is merged into
this machine's; an interface is written to the row of its addresses. A process that the ledger knows
stays as it is. Of others, one that has ended is kept as history and never run, one that waits is
queued, under its own id, and one that runs is refused, as is one that another machine is to run with
secrets, which are kept where they are given. Lines of other types are printed unchanged. Blank lines
and those that begin with # are passed over.

Exit codes: 0 when nothing was refused, 1 when something was.";

/// Take records in from JSON lines, and say of each what became of it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file, or - for standard input
    file: PathBuf,
}

/// Imports them.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut lines: Box<dyn BufRead> = if args.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let path = args.file.display();
        let file = File::open(&args.file).with_context(|| format!("cannot open {path}"))?;
        Box::new(BufReader::new(file))
    };
    let ledger = globals.open()?;
    let mut import = ledger.import()?;
    let (mut bytes, mut number, mut passed_over, mut exit) = (Vec::new(), 0u64, 0, Exit::Success);
    while read_line(&mut lines, &mut bytes).context("cannot read the lines")? {
        number += 1;
        if bytes.len() > LONGEST_RECORD {
            let reason = format!("it is longer than {LONGEST_RECORD} bytes");
            tell(number, &Imported::Refused { reason }, printer)?;
            exit = Exit::Failure;
            continue;
        }
        let imported = import.take(&bytes)?;
        match &imported {
            Imported::NoRecord { malformed } => passed_over += u64::from(*malformed),
            Imported::Foreign => {
                error::warn(&format!("line {number}: passed on: it is of another kind"));
                let out = printer.raw();
                out.write_all(&bytes).map_err(OutputLost)?;
                if !bytes.ends_with(b"\n") {
                    out.write_all(b"\n").map_err(OutputLost)?;
                }
            }
            told => {
                if matches!(told, Imported::Refused { .. }) {
                    exit = Exit::Failure;
                }
                tell(number, told, printer)?;
            }
        }
    }
    import.finish()?;
    if passed_over > 0 {
        error::warn(&format!(
            "{passed_over} lines are no JSON objects and were passed over"
        ));
    }
    Ok(exit)
}

/// Reads a line into an empty buffer; false when there is none. Of one that is far too long only
/// the beginning is kept.
fn read_line(lines: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let most = LONGEST_RECORD as u64 + 1;
    if (&mut *lines).take(most).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.len() > LONGEST_RECORD && !line.ends_with(b"\n") {
        lines.skip_until(b'\n')?;
    }
    Ok(true)
}

/// Says what became of a record.
fn tell(number: u64, imported: &Imported, printer: &mut Printer) -> anyhow::Result<()> {
    let (result, kind, reason) = match imported {
        Imported::Created(kind) => ("created", Some(kind.as_str()), None),
        Imported::Updated(kind) => ("updated", Some(kind.as_str()), None),
        Imported::Unchanged(kind) => ("unchanged", Some(kind.as_str()), None),
        Imported::Refused { reason } => ("refused", None, Some(reason)),
        Imported::Foreign | Imported::NoRecord { .. } => return Ok(()),
    };
    if printer.is_json() {
        let mut line = json!({"line": number, "result": result});
        if let Some(kind) = kind {
            line["record"] = kind.into();
        }
        if let Some(reason) = reason {
            line["reason"] = reason.as_str().into();
        }
        printer.json(&line.to_string())?;
    } else if let Some(reason) = reason {
        error::report_text(&format!("line {number}: refused: {reason}"));
    } else if !printer.is_quiet() {
        error::progress(&format!(
            "line {number}: {result} {}",
            kind.unwrap_or_default()
        ));
    }
    Ok(())
}

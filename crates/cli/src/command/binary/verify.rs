//! `hostledger binary verify`: whether programs are what they were when they were installed.

use anstyle::{AnsiColor, Style};
use hostledger::{BinaryCheck, Drift};
use serde_json::json;

use crate::args::Globals;
use crate::command::ending;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger binary verify
  hostledger binary verify yt-dlp ffmpeg
  hostledger binary verify --json | jq -r 'select(.check != \"intact\").name'

Exit codes: 0 when all are as they were; 1 when one is missing or changed.";

/// Compare installed programs with what is on disk: hash and version
///
/// Each is run to be asked for its version, which is recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The program's name, or its id; all that are installed unless you say so
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Compares them.
pub(super) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.options().subreaper(true).open()?;
    let mut binaries = Vec::new();
    for name in &args.names {
        binaries.push(ledger.find_binary(name)?);
    }
    if args.names.is_empty() {
        for binary in ledger.binaries()? {
            binaries.extend(Some(binary?).filter(hostledger::Binary::is_valid));
        }
    }
    let mut exit = Exit::Success;
    for binary in binaries {
        if !binary.is_valid() {
            error::report_text(&format!(
                "{} is not installed: it is {}",
                binary.name, binary.status
            ));
            exit = Exit::Failure;
            continue;
        }
        let check = ledger.verify_binary(binary)?;
        if check.drift != Drift::None {
            exit = Exit::Failure;
        }
        print(&check, printer)?;
        printer.flush()?;
    }
    Ok(exit)
}

fn print(check: &BinaryCheck, printer: &mut Printer) -> anyhow::Result<()> {
    let BinaryCheck { binary, drift } = check;
    if printer.is_json() {
        let mut further = json!({"check": drift.as_str()});
        match drift {
            Drift::None => {}
            Drift::Missing { reason } => further["reason"] = reason.as_str().into(),
            Drift::Content { found, .. } => further["found_sha256"] = found.as_str().into(),
            Drift::Another { found } => further["found_path"] = found.as_str().into(),
            Drift::Version { found, .. } => further["found_version"] = found.as_str().into(),
        }
        printer.json(&ending::record_with(&binary.to_json(), further))?;
        return Ok(());
    }
    let style = match drift {
        Drift::None => Style::new(),
        _ => AnsiColor::Red.on_default(),
    };
    let line = match drift {
        Drift::None => format!("{}: {} {}", binary.name, binary.version, binary.abspath),
        _ => check.to_string(),
    };
    Ok(printer.line(style, &crate::text::escape(&line))?)
}

//! `hostledger doctor`: what this host offers and whether the ledger is healthy.

use anstyle::{AnsiColor, Style};
use hostledger::doctor::{self, Check, Verdict};

use crate::args::Globals;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::text::escape;

const EXAMPLES: &str = "\
Examples:
  hostledger doctor
  hostledger doctor --json | jq 'select(.verdict != \"good\")'

Exit codes: 0, or 1 when something does not work.";

/// Check what this host offers and whether the ledger is healthy, and say what to do about it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// Checks everything, also when the ledger cannot be opened.
pub(crate) fn run(_args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut checks = doctor::host();
    checks.extend(doctor::ledger(&globals.open()));
    for check in &checks {
        if printer.is_json() {
            printer.json(&serde_json::to_string(check)?)?;
        } else if printer.is_quiet() {
            report(check);
        } else {
            print(check, printer)?;
        }
    }
    let bad = checks.iter().any(|check| check.verdict == Verdict::Bad);
    Ok(if bad { Exit::Failure } else { Exit::Success })
}

fn report(check: &Check) {
    if check.verdict == Verdict::Bad {
        error::report_text(&format!("{}: {}", check.name, check.found));
    }
}

fn print(check: &Check, printer: &mut Printer) -> anyhow::Result<()> {
    let (mark, ascii, style) = match check.verdict {
        Verdict::Good => ("✓", "ok", AnsiColor::Green.on_default()),
        Verdict::Reduced => ("!", "!", AnsiColor::Yellow.on_default()),
        Verdict::Bad => ("✗", "x", AnsiColor::Red.on_default()),
    };
    let mark = if printer.is_terminal() { mark } else { ascii };
    printer.line(
        style,
        &format!("{mark:<2} {}: {}", check.name, escape(&check.found)),
    )?;
    if let Some(advice) = &check.advice {
        printer.line(Style::new(), &format!("   {}", escape(advice)))?;
    }
    Ok(())
}

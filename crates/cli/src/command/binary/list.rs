//! `hostledger binary list`: the programs of this machine.

use anstyle::{AnsiColor, Style};
use hostledger::Binary;
use hostledger::model::BinaryStatus;

use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::table::Table;
use crate::text::escape;

const EXAMPLES: &str = "\
Examples:
  hostledger binary list
  hostledger binary list --json | jq -r 'select(.status == \"failed\").name'";

/// List the programs of this machine that are recorded: installed, asked for, or failed
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {}

/// Lists them.
pub(super) fn run(_args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let mut table = Table::new(&["name", "version", "provider", "status", "health", "path"]);
    let mut any = false;
    for binary in ledger.binaries()? {
        let binary = binary?;
        if printer.is_json() {
            printer.json(&binary.to_json())?;
        } else {
            any = true;
            table.row(cells(&binary), style(&binary));
        }
    }
    if any {
        printer.table(table)?;
    }
    Ok(Exit::Success)
}

fn cells(binary: &Binary) -> Vec<String> {
    [
        binary.name.clone(),
        binary.version.clone(),
        binary.binprovider.clone(),
        binary.status.to_string(),
        binary.health.percentage().to_string(),
        binary.abspath.clone(),
    ]
    .map(|cell| escape(&cell))
    .to_vec()
}

fn style(binary: &Binary) -> Style {
    match binary.status {
        BinaryStatus::Failed => AnsiColor::Red.on_default(),
        BinaryStatus::Queued | BinaryStatus::Started => AnsiColor::Yellow.on_default(),
        BinaryStatus::Installed => Style::new(),
    }
}

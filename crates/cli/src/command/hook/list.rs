//! `hostledger hook list`: which hooks there are.

use anstyle::{AnsiColor, Style};
use hostledger::model::format_duration;
use hostledger::{Hook, Plugins};
use serde_json::{Value, json};

use super::places::PluginPlaces;
use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::table::Table;
use crate::text::escape;

const EXAMPLES: &str = "\
Examples:
  hostledger hook list
  hostledger hook list --plugins ./plugins --json | jq -r 'select(.enabled) | .name'
  hostledger hook list --binaries

A plugin is off when <PLUGIN>_ENABLED says so (false, 0, no or empty), when PLUGINS names others
only, or when one that it requires is off. Installers, the hooks of BinaryRequest, are never off.";

/// List the hooks in the order in which they run, and which are off and why
///
/// What cannot be used is told on stderr and passed over.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    places: PluginPlaces,
    /// List the programs instead that the plugins need which are on, as requests in JSON lines
    #[arg(long)]
    binaries: bool,
}

/// Lists them.
pub(super) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let plugins = args.places.find(&ledger)?;
    if args.binaries {
        for binary in plugins.required_binaries() {
            printer.json(&Value::Object(binary.to_record()).to_string())?;
        }
    } else if printer.is_json() {
        for hook in plugins.hooks() {
            printer.json(&record(&plugins, hook).to_string())?;
        }
    } else {
        printer.table(table(&plugins))?;
    }
    Ok(Exit::Success)
}

fn record(plugins: &Plugins, hook: &Hook) -> Value {
    let disabled = plugins.disabled(hook).map(ToString::to_string);
    json!({
        "event": hook.event.as_str(),
        "name": hook.name,
        "plugin": hook.plugin,
        "mode": hook.mode.as_str(),
        "enabled": disabled.is_none(),
        "disabled_because": disabled,
        "timeout": plugins.timeout(hook).as_secs_f64(),
        "path": hook.path.to_string_lossy(),
    })
}

fn table(plugins: &Plugins) -> Table {
    let mut table = Table::new(&["event", "hook", "plugin", "mode", "timeout", "state"]);
    for hook in plugins.hooks() {
        let disabled = plugins.disabled(hook);
        let state = disabled.map_or_else(|| "on".to_owned(), |why| format!("off: {why}"));
        let style = match disabled {
            Some(_) => AnsiColor::BrightBlack.on_default(),
            None => Style::new(),
        };
        let cells = [
            hook.event.to_string(),
            hook.name.clone(),
            hook.plugin.clone(),
            hook.mode.as_str().to_owned(),
            format_duration(plugins.timeout(hook)),
            state,
        ];
        table.row(cells.map(|cell| escape(&cell)).to_vec(), style);
    }
    table
}

//! `hostledger hook run`: the hooks of an event, now.

use std::error::Error;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use hostledger::model::{format_duration, with_causes};
use hostledger::{EventName, EventRun, HookEnd, HookNews, Plugins, Verdict};
use serde_json::{Value, json};

use super::places::PluginPlaces;
use crate::args::Globals;
use crate::command::ending;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::signals::Forwarding;
use crate::text::escape;

const EXAMPLES: &str = "\
Examples:
  hostledger hook run Snapshot --plugin wget --arg url=https://example.com
  hostledger hook run CrawlSetup --plugins ./plugins --cwd ./crawl
  hostledger hook run BinaryRequest --arg name=black --arg binproviders=env,pip
  hostledger hook run Snapshot --arg url=https://example.com --json | jq -r .type

Foreground hooks run one after the other, in the order of their file names. A background hook starts
when its turn comes and runs beside the others: after the last foreground hook a .daemon.bg one gets
SIGTERM and 30 s to finish, and a .finite.bg one is waited for. Each runs in a directory of its
plugin's name, as a recorded process (hostledger ps --all --type hook), with its logs below .hooks
there, for <PLUGIN>_TIMEOUT at most (else TIMEOUT, else 300 s) with all that it starts.

Exit codes: 0 when no hook failed; 1 when one has failed, was called wrongly or took too long, or
when the event has no hooks; 128 + signal when a signal ended them.";

/// So many refusals of one hook are told each.
const MOST_REFUSALS: u64 = 5;

/// Run the hooks of an event
///
/// Records that hooks print of binaries, of requests for them (BinaryRequest) and of what the
/// machine is told (Machine) are taken into the ledger; others are the caller's.
///
/// With --json every record that a hook prints is printed, with plugin, hook_name and plugin_hook,
/// and after them the process of the hook with its verdict: succeeded, skipped, usage, timed out,
/// stopped or failed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The event, such as Snapshot or SnapshotEvent
    event: EventName,
    /// Run only the hooks of this plugin; repeatable
    #[arg(long, value_name = "PLUGIN")]
    plugin: Vec<String>,
    /// Give the hooks an argument, as --key=value: true is --key alone, and false, null and empty
    /// values are left out; repeatable
    #[arg(long = "arg", value_name = "KEY=VALUE", value_parser = argument)]
    arguments: Vec<(String, Value)>,
    /// Run them in directories of their plugins below this one instead of the current one
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    #[command(flatten)]
    places: PluginPlaces,
}

fn argument(text: &str) -> Result<(String, Value), Box<dyn Error + Send + Sync>> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    let value = match value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        text => Value::from(text),
    };
    Ok((key.to_owned(), value))
}

/// Runs them.
pub(super) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    // Nobody else's orphans: what comes to us descends from hooks alone.
    let ledger = globals.options().subreaper(true).open()?;
    let plugins = args.places.find(&ledger)?;
    let mut event = ledger.event(&plugins, args.event.clone());
    for plugin in &args.plugin {
        event = event.plugin(plugin);
    }
    for (key, value) in &args.arguments {
        event = event.argument(key, value.clone());
    }
    if let Some(directory) = &args.cwd {
        event = event.directory(directory);
    }
    if event.hooks().is_empty() {
        return Ok(nothing_to_run(args, &plugins));
    }
    let interruption = event.interruption();
    let signals = Forwarding::begin().context("cannot heed signals")?;
    let interrupt = |signal| interruption.interrupt(signal);
    let ends = signals.each_during(interrupt, || run_event(&event, printer))?;
    Ok(match interruption.signal() {
        Some(signal) => Exit::Program(u8::try_from(128 + signal.number()).unwrap_or(u8::MAX)),
        None if ends.iter().any(|end| end.verdict.is_failure()) => Exit::Failure,
        None => Exit::Success,
    })
}

/// Says why there is nothing to run. That all is turned off is what somebody wants; that an event
/// has no hooks may be a mistake.
fn nothing_to_run(args: &Args, plugins: &Plugins) -> Exit {
    let event = &args.event;
    let named = |plugin: &String| args.plugin.is_empty() || args.plugin.contains(plugin);
    let mut hooks = plugins
        .hooks_of(event)
        .filter(|hook| named(&hook.plugin))
        .peekable();
    if hooks.peek().is_none() {
        error::report_text(&format!("no plugin has a hook for the event {event}"));
        error::hint("hostledger hook list shows the hooks; name their directory with --plugins");
        return Exit::Failure;
    }
    for hook in hooks {
        let why = plugins.disabled(hook).map(ToString::to_string);
        let why = why.unwrap_or_else(|| "binproviders does not name it".to_owned());
        error::warn(&format!("{} does not run: {why}", hook.name));
    }
    Exit::Success
}

fn run_event(event: &EventRun<'_>, printer: &mut Printer) -> anyhow::Result<Vec<HookEnd>> {
    let mut refused = 0;
    event.run(|news| -> anyhow::Result<()> {
        match news {
            HookNews::Started { hook, process } => {
                tracing::info!(hook = hook.name, id = %process.id, "started");
            }
            HookNews::Record { record, .. } if printer.is_json() => {
                printer.json(&Value::Object(record).to_string())?;
            }
            HookNews::Record { .. } => {}
            HookNews::Refused { hook, reason } => {
                refused += 1;
                if refused <= MOST_REFUSALS {
                    let reason = with_causes(&reason);
                    error::warn(&format!("a record of {} is refused: {reason}", hook.name));
                }
            }
            HookNews::Ended(end) => {
                refused = 0;
                print(end, printer)?;
                printer.flush()?;
            }
        }
        Ok(())
    })
}

fn print(end: &HookEnd, printer: &mut Printer) -> anyhow::Result<()> {
    if end.refused > MOST_REFUSALS {
        let all = end.refused;
        error::warn(&format!(
            "{all} records of {} are refused in all",
            end.hook.name
        ));
    }
    if end.passed_over.malformed + end.passed_over.too_long > 0 {
        error::warn(&format!(
            "{} printed {} lines that begin like a record and are none",
            end.hook.name,
            end.passed_over.malformed + end.passed_over.too_long
        ));
    }
    if printer.is_json() {
        let further = json!({
            "plugin": end.hook.plugin,
            "hook_name": end.hook.name,
            "plugin_hook": end.hook.path.to_string_lossy(),
            "verdict": end.verdict.as_str(),
            "records": end.records,
            "refused_records": end.refused,
            "malformed_lines": end.passed_over.malformed + end.passed_over.too_long,
        });
        let line = ending::record_with(&end.process.to_json(), further);
        return Ok(printer.json(&line)?);
    }
    Ok(printer.line(style(end.verdict), &escape(&line(end)))?)
}

fn line(end: &HookEnd) -> String {
    let wall = end
        .process
        .wall_us(hostledger::Timestamp::now())
        .unwrap_or_default();
    let code = match end.process.exit_code {
        Some(code) if end.verdict.is_failure() => format!(" (exit code {code})"),
        _ => String::new(),
    };
    let records = match end.records {
        1 => "1 record".to_owned(),
        count => format!("{count} records"),
    };
    format!(
        "{}: {}{code} in {}, {records}, process {}",
        end.hook.name,
        end.verdict.as_str(),
        format_duration(std::time::Duration::from_millis(wall / 1000)),
        end.process.id,
    )
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Succeeded => AnsiColor::Green.on_default(),
        Verdict::Skipped | Verdict::Stopped => Style::new(),
        Verdict::Usage | Verdict::TimedOut | Verdict::Failed => AnsiColor::Red.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_json_mean_what_they_say_and_all_else_is_text() {
        let value = |text| argument(text).unwrap().1;
        assert_eq!(value("a=true"), json!(true));
        assert_eq!(value("a=null"), json!(null));
        assert_eq!(value("a=5"), json!("5"));
        assert_eq!(value("a=b=c"), json!("b=c"));
        assert_eq!(value("a="), json!(""));
        assert!(argument("a").is_err());
    }
}

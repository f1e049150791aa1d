//! `hostledger binary install`: a program, by whichever provider can.

use std::error::Error;
use std::io::IsTerminal as _;

use anstyle::Style;
use anyhow::Context as _;
use hostledger::{Binary, InstallNews, LedgerError};
use serde_json::Value;

use super::reasons;
use crate::args::Globals;
use crate::command::installers::Installers;
use crate::error;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::signals::Forwarding;

const EXAMPLES: &str = "\
Examples:
  hostledger binary install yt-dlp
  hostledger binary install yt-dlp --providers env,pip --min-version 2025.1
  hostledger binary install chromium --providers apt,brew
  hostledger binary install readability --override npm='{\"packages\":[\"@postlight/parser\"]}'
  hostledger binary install black --providers env,pip --plugins ./plugins --hooks-only
  hostledger binary install tool --providers bash --override bash='{\"install\":\"curl … | sh\"}'

Providers are tried in the order given until one succeeds; all of them, and '*' or none given:
env, npm, pip, brew, cargo, apt. bash runs the command of its override, and only when it is named.
When none of them could, the hooks of plugins are asked that the same list allows, by the names of
their directories (hostledger hook --help). What a provider runs is recorded (hostledger ps --all
--type binary) and has 600 seconds, with all that it starts. A program that is installed already as
it is asked for is left as it is.

Exit codes: 0 when it is installed; 1 when no provider could; 128 + signal when a signal ended it.";

/// Install a program and record it: path, version, hash, and who installed it
///
/// Its record is printed in the end; when no provider could, every provider's reason is.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The program's name, or an absolute path
    name: String,
    /// Only these providers, in this order
    #[arg(long, value_name = "LIST", default_value = "")]
    providers: String,
    /// Have a provider do something differently: a JSON object with packages, install_args,
    /// abspath, version or install; repeatable
    #[arg(long = "override", value_name = "PROVIDER=JSON", value_parser = with_override)]
    overrides: Vec<(String, Value)>,
    /// Take no older version than this
    #[arg(long, value_name = "VERSION")]
    min_version: Option<String>,
    #[command(flatten)]
    installers: Installers,
}

fn with_override(text: &str) -> Result<(String, Value), Box<dyn Error + Send + Sync>> {
    let (provider, json) = text.split_once('=').ok_or("write PROVIDER=JSON")?;
    Ok((provider.to_owned(), serde_json::from_str(json)?))
}

/// Installs it.
pub(super) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    // Nobody else's orphans: what comes to us descends from what providers run.
    let ledger = globals.options().subreaper(true).open()?;
    let mut builder = ledger
        .install(&args.name)
        .providers(&args.providers)
        .among(args.installers.providers(&ledger)?);
    for (provider, with) in &args.overrides {
        builder = builder.overriding(provider, with.clone());
    }
    if let Some(version) = &args.min_version {
        builder = builder.min_version(version);
    }
    for problem in builder.problems() {
        error::warn(&format!("{problem}: it is ignored"));
    }
    let interruption = builder.interruption();
    let signals = Forwarding::begin().context("cannot heed signals")?;
    let watched = std::io::stderr().is_terminal() && !printer.is_quiet();
    let installed = signals.each_during(
        |signal| interruption.interrupt(signal),
        || builder.run(|news| show(watched, &news)),
    );
    let exit = match interruption.signal() {
        Some(signal) => Exit::Program(u8::try_from(128 + signal.number()).unwrap_or(u8::MAX)),
        None => Exit::Failure,
    };
    match installed {
        Ok(binary) => {
            print(&binary, printer)?;
            Ok(Exit::Success)
        }
        Err(LedgerError::NotInstalled { binary }) => {
            if printer.is_json() {
                printer.json(&binary.to_json())?;
            }
            reasons::report(&format!("{} could not be installed", binary.name), &binary);
            Ok(exit)
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows people what goes on.
fn show(watched: bool, news: &InstallNews<'_>) {
    match news {
        _ if !watched => {}
        InstallNews::Trying { provider } => error::progress(&format!("{provider} …")),
        InstallNews::GaveUp(reason) => error::progress(&reasons::line(reason)),
        InstallNews::Found(file) => {
            error::progress(&format!("found {} {}", file.abspath, file.version));
        }
    }
}

/// A record, or the one line about it.
pub(super) fn print(binary: &Binary, printer: &mut Printer) -> anyhow::Result<()> {
    if printer.is_json() {
        printer.json(&binary.to_json())?;
    } else {
        let line = format!(
            "{} {} {} ({})",
            binary.name, binary.version, binary.abspath, binary.binprovider
        );
        printer.line(Style::new(), &crate::text::escape(&line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_override_is_a_provider_and_json() {
        let (provider, with) = with_override(r#"pip={"packages":["a=b"]}"#).unwrap();
        assert_eq!(
            (provider.as_str(), with),
            ("pip", json!({"packages": ["a=b"]}))
        );
        for text in ["pip", "pip=", "pip={"] {
            assert!(with_override(text).is_err(), "{text}");
        }
    }
}

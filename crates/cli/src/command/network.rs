//! `hostledger network`: how this host reaches the network.

use std::sync::Arc;

use clap::ValueEnum;
use hostledger::{Endpoints, Http, Offline, Resolver};

use super::fields;
use crate::args::Globals;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger network
  hostledger network --resolver http --refresh --json";

/// Show the network interface in use: detected at first use, and again after an hour
///
/// What changed makes a new record; the old one stays as history.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Detect it now
    #[arg(long)]
    refresh: bool,
    /// Who is asked for the public address and its place
    #[arg(long, value_enum, default_value_t = ResolverName::Offline)]
    resolver: ResolverName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ResolverName {
    /// Nobody: no packet leaves this host
    Offline,
    /// Services on the internet, over https, which then know this host's address
    Http,
}

/// Prints its record.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let resolver: Arc<dyn Resolver> = match args.resolver {
        ResolverName::Offline => Arc::new(Offline),
        ResolverName::Http => Arc::new(Http::new(Endpoints::default())),
    };
    let ledger = globals.options().resolver(resolver).open()?;
    let interface = ledger.current_interface(args.refresh)?;
    if printer.is_json() {
        printer.json(&interface.to_json())?;
    } else {
        fields::interface(&interface).print(printer)?;
    }
    Ok(Exit::Success)
}

//! The commands, a file each.

mod binary;
mod cancel;
mod cleanup;
mod completions;
mod doctor;
mod ending;
mod export;
mod fields;
mod hook;
mod import;
mod installers;
mod kill;
mod launch_options;
mod live;
mod logs;
mod machine;
mod man;
mod network;
mod ps;
mod restart;
mod run;
mod show;
mod stop;
mod submit;
mod tree;
mod wait;
mod work;

use clap::Subcommand;
use hostledger::{Ledger, LedgerError, ProcessId};

use crate::args::Cli;
use crate::exit::Exit;
use crate::printer::Printer;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Args),
    Submit(submit::Args),
    Work(work::Args),
    Cancel(cancel::Args),
    Restart(restart::Args),
    Ps(ps::Args),
    Show(show::Args),
    Logs(logs::Args),
    Wait(wait::Args),
    Kill(kill::Args),
    Stop(stop::Args),
    Cleanup(cleanup::Args),
    Machine(machine::Args),
    Network(network::Args),
    Binary(binary::Args),
    Hook(hook::Args),
    Import(import::Args),
    Export(export::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Does what the command line says.
pub(crate) fn run(cli: &Cli, printer: &mut Printer) -> anyhow::Result<Exit> {
    let globals = &cli.globals;
    match &cli.command {
        Command::Run(args) => Ok(run::run(args, globals, printer)),
        Command::Submit(args) => submit::run(args, globals, printer),
        Command::Work(args) => work::run(args, globals, printer),
        Command::Cancel(args) => cancel::run(args, globals, printer),
        Command::Restart(args) => restart::run(args, globals, printer),
        Command::Ps(args) => ps::run(args, globals, printer),
        Command::Show(args) => show::run(args, globals, printer),
        Command::Logs(args) => logs::run(args, globals, printer),
        Command::Wait(args) => wait::run(args, globals, printer),
        Command::Kill(args) => kill::run(args, globals, printer),
        Command::Stop(args) => stop::run(args, globals, printer),
        Command::Cleanup(args) => cleanup::run(args, globals, printer),
        Command::Machine(args) => machine::run(args, globals, printer),
        Command::Network(args) => network::run(args, globals, printer),
        Command::Binary(args) => binary::run(args, globals, printer),
        Command::Hook(args) => hook::run(args, globals, printer),
        Command::Import(args) => import::run(args, globals, printer),
        Command::Export(args) => export::run(args, globals, printer),
        Command::Doctor(args) => doctor::run(args, globals, printer),
        Command::Completions(args) => completions::run(args, printer),
        Command::Man(args) => man::run(args),
    }
}

/// The processes that are named, each once.
fn distinct(ledger: &Ledger, names: &[String]) -> Result<Vec<ProcessId>, LedgerError> {
    let mut ids = Vec::new();
    for name in names {
        let id = ledger.find_process(name)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

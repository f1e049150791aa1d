//! Starting a program that goes on by itself, and is tried again when it fails.
//!
//! Whoever is to try it again has to stay, and we have to leave: so we start ourselves once more,
//! in the background. That one launches the program, tells us its record, and carries on.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};

use anstyle::Style;
use anyhow::Context as _;
use hostledger::{Outcome, Stopper, again_in_background};
use rustix::stdio::{dup2_stderr, dup2_stdout};
use serde_json::Value;

use super::{Args, exit, explain, tell_changed};
use crate::args::{ATTENDANT, Globals};
use crate::exit::Exit;
use crate::printer::Printer;

/// Starts it, and says which it is.
pub(super) fn run(printer: &mut Printer) -> anyhow::Result<Exit> {
    let attendant = OsString::from(format!("--{ATTENDANT}"));
    let arguments = [attendant].into_iter().chain(env::args_os().skip(1));
    let mut background = again_in_background(arguments)?;
    let mut told = String::new();
    let heard = background.stdout.read_to_string(&mut told);
    heard.context("cannot hear what became of the program")?;
    if told.is_empty() {
        // It has said why.
        let code = background.wait()?;
        return Ok(Exit::Program(u8::try_from(code).unwrap_or(u8::MAX)));
    }
    if printer.is_json() {
        printer.json(&told)?;
    } else {
        let record: Value = serde_json::from_str(&told)?;
        let id = record["id"].as_str().unwrap_or_default();
        printer.line(Style::new(), id)?;
    }
    printer.flush()?;
    Ok(Exit::Success)
}

/// Starts it, tells its record to whoever has started us, and carries on when nobody listens any
/// more.
pub(super) fn attend(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let ledger = globals.options().subreaper(true).open()?;
    let mut told = Ok(());
    let stopper = Stopper::default();
    let process = args.command(&ledger)?.run_attempts(&stopper, |running| {
        tracing::info!(id = %running.id(), "launched");
        if running.attempt() == 1 {
            tell_changed(running);
            told = tell(running);
        }
    })?;
    told?;
    if process.outcome == Some(Outcome::SpawnFailed) {
        explain(&process);
    }
    Ok(exit(&process))
}

/// A program that could not be executed is told by our exit code.
fn tell(running: &hostledger::Running) -> anyhow::Result<()> {
    let process = running.process()?;
    if process.outcome == Some(Outcome::SpawnFailed) {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(process.to_json().as_bytes())?;
    stdout.flush()?;
    let null = File::options().write(true).open("/dev/null")?;
    dup2_stderr(&null)?;
    // It is over when this is given up.
    dup2_stdout(&null)?;
    Ok(())
}

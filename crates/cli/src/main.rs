//! The hostledger command line: arguments in, tables and JSON out.
//!
//! Everything it knows about processes and records comes from [`hostledger`]; nothing is decided
//! here but how to ask and how to show.

mod args;
mod command;
mod error;
mod exit;
mod parallel;
mod printer;
mod progress;
mod signals;
mod size;
mod table;
mod text;
mod time;
mod trace;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::error::OutputLost;
use crate::exit::Exit;
use crate::printer::Printer;

fn main() -> ExitCode {
    run().into()
}

fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => return refused(&refusal),
    };
    trace::start(cli.globals.verbose);
    let mut printer = Printer::new(cli.globals.json, cli.globals.quiet);
    let ended = command::run(&cli, &mut printer).and_then(|exit| {
        printer.flush()?;
        Ok(exit)
    });
    match ended {
        Ok(exit) => exit,
        // Whoever reads has read enough.
        Err(error) if OutputLost::is_reader_gone(&error) => Exit::Success,
        Err(error) => {
            error::report(&error);
            Exit::Failure
        }
    }
}

/// Help and version come this way as well.
fn refused(refusal: &clap::Error) -> Exit {
    // Nobody is there to hear that nobody is there.
    let _unread = refusal.print();
    if refusal.use_stderr() {
        Exit::Usage
    } else {
        Exit::Success
    }
}

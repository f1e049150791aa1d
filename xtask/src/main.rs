//! The project's own chores, run as `cargo xtask <chore>`: everything CI checks, each check alone,
//! the tools they need, and the benchmarks.
//!
//! A chore is a [`step::Step`]; `ci` is all of them in order. The rules that no ready-made tool
//! knows are in [`tidy`].

mod arguments;
mod bench;
mod built;
mod ci;
mod debian;
mod extent;
mod held;
mod installs;
mod memory;
mod package;
mod program;
mod step;
mod test;
mod tidy;
mod tools;
mod torture;
mod waiting;
mod workspace;

use std::io::Write;
use std::process::ExitCode;

use arguments::Request;
use workspace::Workspace;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    match arguments::parse(std::env::args_os().skip(1))? {
        Request::Help => {
            std::io::stdout().write_all(arguments::help().as_bytes())?;
            Ok(())
        }
        Request::Ci => ci::run(&Workspace::load()?),
        Request::Step(step) => (step.run)(&Workspace::load()?),
        Request::Torture(torture) => torture::run(&Workspace::load()?, &torture),
        Request::Installs(extent) => installs::run(&Workspace::load()?, extent),
        Request::Bench(measurement) => bench::run(&Workspace::load()?, &measurement),
    }
}

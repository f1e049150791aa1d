//! Runs a program and tells what the ledger knows of it afterwards.
//!
//! `cargo run -p hostledger --example run_and_account -- make test` runs `make test`; without a
//! program it runs one that writes to both streams and fails.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};

use hostledger::{Ledger, Relayed};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let ledger = Ledger::open(directory.path().join("ledger"))?;

    let mut words = std::env::args_os().skip(1);
    let command = match words.next() {
        Some(program) => ledger.command(program).args(words),
        None => ledger
            .command("sh")
            .args(["-c", "echo hello; echo oops >&2; exit 7"].map(OsString::from)),
    };

    // Returns when the program has been executed, or could not be; either is recorded by then.
    let running = command.name("example").launch()?;
    // Its output goes to files; this passes it on while they grow.
    let relayed = running.relay(io::stdout(), io::stderr())?;
    let process = running.wait()?;

    let mut out = io::stdout().lock();
    if relayed == Relayed::ReaderGone {
        return Ok(());
    }
    writeln!(out, "record     {}", process.id)?;
    writeln!(out, "command    {}", process.cmd.join(" "))?;
    if let (Some(pid), Some(outcome)) = (process.pid, process.outcome) {
        writeln!(out, "pid        {pid}, {outcome}")?;
    }
    if let Some(code) = process.exit_code {
        writeln!(out, "exit code  {code}")?;
    }
    if let (Some(stdout), Some(stderr)) = (process.stdout_bytes, process.stderr_bytes) {
        writeln!(out, "wrote      {stdout} + {stderr} bytes")?;
    }
    if let Some(usage) = process.usage {
        let cpu = usage.cpu_user_us + usage.cpu_system_us;
        writeln!(out, "used       {cpu} us of a processor")?;
    }
    // What `launch` gave back is what stands in the database.
    assert_eq!(ledger.process(process.id)?, process);
    Ok(())
}

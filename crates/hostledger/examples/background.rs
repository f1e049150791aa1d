//! A program that puts itself into the background and goes on launching from there.
//!
//! A fork is another process with copies of our memory and none of our threads, so the ledger is
//! opened after it. One that was opened before says so when it is used.
//!
//! `cargo run -p hostledger --example background`

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fork::{Fork, daemon};
use hostledger::{Ledger, Process, ProcessFilter};

/// How long the work in the background may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let data = directory.path().join("ledger");
    let before = Ledger::open(&data)?;
    before.current_machine()?;
    let done = directory.path().join("done");

    match fork::fork() {
        Ok(Fork::Parent(_)) => {}
        Ok(Fork::Child) => {
            // In a session of its own, with the terminal given up; this forks once more.
            if let Ok(Fork::Child) = daemon(true, false) {
                let result = in_background(&before, &data);
                let text = result.err().map(|error| error.to_string());
                fs::write(&done, text.unwrap_or_default())?;
            }
            // The directory is the other process's to remove.
            std::mem::forget(directory);
            return Ok(());
        }
        Err(errno) => return Err(format!("fork: {errno}").into()),
    }

    let deadline = Instant::now() + PATIENCE;
    while !done.exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    let failure = fs::read_to_string(&done)?;
    assert_eq!(failure, "", "the work in the background failed");

    let mut out = io::stdout().lock();
    let processes = before.processes(&ProcessFilter::default())?.records;
    for process in &processes {
        writeln!(out, "{:?} {}", process.exit_code, process.cmd.join(" "))?;
    }
    let code = |process: &Process| process.exit_code == Some(3);
    assert!(processes.iter().any(code), "it was recorded from there");
    Ok(())
}

/// The work of the background process.
fn in_background(before: &Ledger, data: &Path) -> Result<(), Box<dyn Error>> {
    if before.command("true").launch().is_ok() {
        return Err("a ledger was used across a fork".into());
    }
    let ledger = Ledger::open(data)?;
    let process = ledger
        .command("sh")
        .args(["-c", "exit 3"])
        .launch()?
        .wait()?;
    match process.exit_code {
        Some(3) => Ok(()),
        other => Err(format!("exit code {other:?}").into()),
    }
}

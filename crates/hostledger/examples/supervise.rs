//! Supervises several programs from several threads, stops one, and draws who started whom.
//!
//! `cargo run -p hostledger --example supervise`

use std::error::Error;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use hostledger::{Ledger, LedgerError, Process};

/// How long a program that is asked to end has for it.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let ledger = Ledger::open(directory.path().join("ledger"))?;
    // Recorded as well, so that it is the parent of what it starts.
    let us = ledger.current_process()?;

    // One that would run for an hour, supervised while the others come and go.
    let daemon = ledger
        .command("sleep")
        .arg("3600")
        .name("daemon")
        .launch()?;

    let workers: Vec<Process> = thread::scope(|scope| {
        let started: Vec<_> = (1..=3)
            .map(|number| {
                // A clone is the same ledger: one database, one event loop.
                let ledger = ledger.clone();
                scope.spawn(move || work(&ledger, number))
            })
            .collect();
        started
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect::<Result<_, LedgerError>>()
    })?;
    assert_eq!(workers.len(), 3);

    // Asks by SIGTERM, and would send SIGKILL after the grace. Nothing else can be hit: the
    // process is held by a descriptor that was compared with what is recorded.
    let stopped = ledger.terminate(daemon.id(), None, GRACE)?;
    let ended = daemon.wait()?;

    let mut out = io::stdout().lock();
    writeln!(out, "daemon: {:?}, {}", stopped.stopped, summary(&ended))?;
    let tree = ledger.tree(us.id)?;
    writeln!(out, "{}", us.cmd.join(" "))?;
    for below in &tree.descendants {
        let process = ledger.process(below.id)?;
        let (indent, summary) = ("  ".repeat(below.depth), summary(&process));
        writeln!(out, "{indent}{}: {summary}", process.cmd.join(" "))?;
    }
    Ok(())
}

/// Runs one program to its end.
fn work(ledger: &Ledger, number: u8) -> Result<Process, LedgerError> {
    let script = format!("sleep 0.{number}; echo worker {number}; exit {number}");
    let running = ledger
        .command("sh")
        .args(["-c", &script])
        .timeout(Duration::from_secs(10))
        .launch()?;
    running.wait()
}

fn summary(process: &Process) -> String {
    let outcome = process.outcome.map_or("no end", |outcome| outcome.as_str());
    let code = process
        .exit_code
        .map_or("none".to_owned(), |code| code.to_string());
    format!("{outcome}, exit code {code}")
}

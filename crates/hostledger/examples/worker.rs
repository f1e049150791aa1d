//! Works a queue off inside of a program of one's own, and hears of each end.
//!
//! `cargo run -p hostledger --example worker`

use std::error::Error;
use std::io::{self, Write};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use hostledger::{Ledger, OnExit, Outcome};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let ledger = Ledger::open(directory.path().join("ledger"))?;

    // Any program that has the ledger may queue, before the worker starts and while it works.
    ledger.submit((0..4).map(|number| {
        let script = format!("echo job {number}; exit {number}");
        ledger.command("sh").args(["-c", &script])
    }))?;
    // Fails the first time, and is tried again within a second.
    let marker = directory.path().join("been-here");
    let script = "[ -e \"$0\" ] || { touch \"$0\"; exit 1; }";
    let again = ledger
        .command("sh")
        .args(["-c", script])
        .arg(&marker)
        .max_attempts(3)
        .create()?;

    let (sender, ended) = sync_channel(100);
    let worker = ledger
        .worker()
        .jobs(2)
        .on_exit(OnExit::Stop)
        .tell_ended(sender)
        .start()?;
    let mut out = io::stdout().lock();
    for process in ended.iter().take(5) {
        let (code, text) = (process.exit_code, process.stdout.trim_end());
        writeln!(out, "{} ended with {code:?}: {text:?}", process.id)?;
    }
    let again = ledger.process(again.id)?;
    assert_eq!((again.attempt, again.exit_code), (2, Some(0)));

    // It would sleep until there is more to do. What still runs is stopped with it.
    let long = ledger.command("sleep").arg("3600").create()?;
    ledger.wait_started(long.id, Some(Duration::from_secs(10)))?;
    worker.stop();
    let counts = worker.wait();
    writeln!(out, "{counts:?}")?;
    assert_eq!((counts.succeeded, counts.failed, counts.retried), (2, 4, 1));
    assert_eq!(ledger.process(long.id)?.outcome, Some(Outcome::Killed));
    Ok(())
}

//! A tokio program that awaits several programs at once, beside its other tasks. The library needs
//! no runtime: an end is a plain future.
//!
//! `cargo run -p hostledger --example tokio`

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use hostledger::{Ledger, LedgerError, Process};
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let ledger = Ledger::open(directory.path().join("ledger"))?;

    let (first, second) = tokio::join!(run(&ledger, "exit 4"), run(&ledger, "echo two"));
    let (first, second) = (first?, second?);
    let mut out = io::stdout().lock();
    writeln!(out, "{:?}, then {:?}", first.exit_code, second.stdout)?;
    assert_eq!((first.exit_code, second.exit_code), (Some(4), Some(0)));

    // A future that is given up leaves the program alone; stopping it is said.
    let endless = ledger.command("sleep").arg("3600").launch()?;
    let waited = timeout(Duration::from_millis(100), endless.ended()?).await;
    assert!(waited.is_err(), "it does not end by itself");
    ledger.kill_tree(endless.id(), Duration::from_secs(2))?;
    let process = endless.ended()?.await?;
    writeln!(out, "{:?}", process.outcome)?;
    Ok(())
}

/// Launches a shell command and awaits its end.
async fn run(ledger: &Ledger, script: &str) -> Result<Process, LedgerError> {
    let running = ledger.command("sh").args(["-c", script]).launch()?;
    running.ended()?.await
}

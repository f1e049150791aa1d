//! Providers that do not end.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use hostledger::install::{BinaryProvider, Found, Providers, Request, Runner, Unsuccessful};
use hostledger::{LedgerError, Outcome, ProcessFilter, ProcessType};

use crate::bench::{Bench, runs, wait_until};

/// Runs a script that somebody has written.
struct Script(std::path::PathBuf);

impl BinaryProvider for Script {
    fn name(&self) -> &str {
        "script"
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let process = runner.run(request.order(self.name(), &self.0))?;
        match process.outcome {
            Some(Outcome::TimedOut) => Err(Unsuccessful::failed("it timed out")),
            _ => Ok(Found::at("/bin/sh")),
        }
    }
}

#[test]
fn a_provider_whose_time_is_up_is_ended_with_all_that_it_has_started() {
    let bench = Bench::new();
    let path = bench.directory.path().join("script");
    // A child, one in a session of its own, and one that has left its parent.
    let script = "#!/bin/sh\nsleep 86398.1 & setsid sleep 86398.2 & (setsid sleep 86398.3 &) \n\
                  trap '' TERM; while :; do sleep 86398.4; done\n";
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    let mut providers = Providers::none();
    providers.add(Box::new(Script(path)));
    let time = Duration::from_secs(1);
    let begun = Instant::now();
    let installed = bench
        .ledger
        .install("tool")
        .among(providers)
        .provider_time(time)
        .run(|_| ());
    let Err(LedgerError::NotInstalled { binary }) = installed else {
        panic!("{installed:?}");
    };
    assert_eq!(binary.reasons[0].reason, "it timed out");
    assert!(begun.elapsed() >= time && begun.elapsed() < Duration::from_secs(20));
    for child in 1..=4 {
        let argument = format!("86398.{child}");
        wait_until("nothing of it is left", || !runs(&argument));
    }
    let filter = ProcessFilter {
        process_type: Some(ProcessType::Binary),
        ..ProcessFilter::default()
    };
    let ran = bench.ledger.processes(&filter).unwrap().complete().unwrap();
    assert_eq!(ran.len(), 1);
    assert_eq!(ran[0].outcome, Some(Outcome::TimedOut));
    assert_eq!(ran[0].timeout_ms, Some(1000));
}

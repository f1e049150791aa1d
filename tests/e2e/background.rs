//! A program that runs behind hostledger while a test does something else.

use std::fs;
use std::path::PathBuf;

use hostledger_tests::{Ledger, Output, Signal, Started, wait_until};
use serde_json::Value;

/// `hostledger run -- sh -c …`, which has begun.
pub(crate) struct Background {
    pub(crate) run: Started,
    /// Of its record.
    pub(crate) id: String,
    /// Of the program, not of hostledger.
    pub(crate) pid: i32,
    /// A script waits for this file in [`UNTIL_GO`].
    pub(crate) go: PathBuf,
}

/// A line of script that waits until [`Background::go`] is called.
pub(crate) const UNTIL_GO: &str = "while [ ! -e go ]; do sleep 0.02; done";

impl Background {
    /// Starts a script that first says `ready`, and waits until it has.
    #[track_caller]
    pub(crate) fn start(ledger: &Ledger, script: &str) -> Self {
        let script = format!("echo ready; {script}");
        let run = ledger.command(["run", "--", "sh", "-c", &script]).start();
        Self::begun(ledger, run)
    }

    /// Of something started otherwise, which also says `ready`.
    #[track_caller]
    pub(crate) fn begun(ledger: &Ledger, run: Started) -> Self {
        wait_until("the program has begun", || {
            run.stdout().starts_with(b"ready\n")
        });
        let record = ledger.json(["ps"]).pop().expect("it is listed as running");
        Self {
            run,
            id: record["id"].as_str().unwrap().to_owned(),
            pid: record["pid"].as_i64().unwrap().try_into().unwrap(),
            go: ledger.path("go"),
        }
    }

    /// Whether the program runs.
    pub(crate) fn is_alive(&self) -> bool {
        is_alive(self.pid)
    }

    /// Lets a script go on that waits for it.
    pub(crate) fn go(&self) {
        fs::write(&self.go, "").unwrap();
    }

    /// Ends it by SIGKILL.
    #[track_caller]
    pub(crate) fn end(self, ledger: &Ledger) {
        ledger
            .run(["kill", "--signal", "KILL", &self.id])
            .expect_code(0);
        self.run.wait().expect_code(137);
    }

    /// Sends hostledger, not the program, a signal and waits for its end.
    #[track_caller]
    pub(crate) fn signal(self, signal: Signal) -> Output {
        self.run.signal(signal);
        self.run.wait()
    }
}

/// Whether a process runs: a zombie does not.
pub(crate) fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The record with this id.
#[track_caller]
pub(crate) fn record(ledger: &Ledger, id: &str) -> Value {
    let mut records = ledger.json(["show", id]);
    assert_eq!(records.len(), 1, "{records:#?}");
    records.remove(0)
}

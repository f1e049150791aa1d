//! What is asked for by a record and installed by a worker.

use hostledger_tests::{Ledger, wait_until};
use rustix::process::Signal;
use serde_json::json;

use super::*;

#[track_caller]
fn ask_for(ledger: &Ledger, lines: &str) {
    ledger
        .command(["import", "-"])
        .input(lines)
        .output()
        .expect_code(0);
}

/// `hostledger work …` with nothing else on `PATH` than [`tool`]s.
fn work(ledger: &Ledger, arguments: &[&str]) -> Invocation {
    let command = ledger.command(["work"]).args(arguments);
    command.env("PATH", ledger.path("tools"))
}

#[track_caller]
fn status(ledger: &Ledger, name: &str) -> Value {
    record(ledger, &["show", name])["status"].clone()
}

#[test]
fn a_worker_installs_what_is_due_and_ends() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"tool","binproviders":"npm"}"#,
    );
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"nothing","binproviders":"cargo"}"#,
    );
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"-rf","binproviders":"npm"}"#,
    );
    work(&ledger, &["--once"]).output().expect_code(0);
    assert_eq!(status(&ledger, "tool"), "installed");
    let waits = record(&ledger, &["show", "nothing"]);
    assert_eq!(
        (&waits["status"], &waits["attempt"]),
        (&json!("queued"), &json!(2))
    );
    assert_eq!(waits["reasons"][0]["outcome"], "skipped");
    assert_eq!(
        installs(&ledger),
        1,
        "and no other name was given to anybody"
    );
}

#[test]
fn a_worker_hears_of_requests_and_gives_back_what_it_cannot_finish() {
    let ledger = Ledger::new();
    let slow = "case $* in *slow) /bin/sleep 1000 & /bin/sleep 1000;; esac";
    npm(&ledger, slow, "1.0");
    let worker = work(&ledger, &[]).start();
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"tool","binproviders":"npm"}"#,
    );
    wait_until("it is installed", || {
        let shown = binary(&ledger, &["show", "tool", "--json"]).output();
        shown.stdout_text().contains(r#""status":"installed""#)
    });
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"slow","binproviders":"npm"}"#,
    );
    wait_until("it is under way", || status(&ledger, "slow") == "started");
    wait_until("its programs run", || ledger.alive().len() >= 4);
    worker.signal(Signal::TERM);
    worker.wait().expect_code(0);
    assert_eq!(status(&ledger, "slow"), "queued");
    wait_until("nothing of it is left", || ledger.alive().is_empty());
}

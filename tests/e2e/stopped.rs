//! A worker that is stopped (SIGSTOP) for longer than its leases, and goes on.

use std::fs;
use std::path::Path;

use hostledger_tests::{Ledger, Signal, Started, wait_until};
use serde_json::json;

use crate::background::record;
use crate::others::{Others, on_a_file, on_a_server};

fn submit(ledger: &Ledger, script: &str) -> String {
    let queued = ledger.run(["submit", "--timeout", "1s", "--", "sh", "-c", script]);
    queued.expect_code(0).stdout_text().trim_end().to_owned()
}

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn end(work: Started) -> String {
    work.signal(Signal::CONT);
    work.signal(Signal::TERM);
    work.wait().expect_code(0).stdout_text().to_owned()
}

fn an_end_of_others_stands(ledger: &Ledger, others: Others<'_>) {
    let work = ledger.command(["work"]).start();
    let script = "until [ -e go ]; do sleep 0.01; done; exit 7";
    let queued = ledger.run(["submit", "--", "sh", "-c", script]);
    let id = queued.expect_code(0).stdout_text().trim_end().to_owned();
    wait_until("it runs", || record(ledger, &id)["status"] == "running");
    work.stop();
    let changed = others(
        "UPDATE machine_process SET status = 'exited', outcome = 'lost', owner = NULL,
             retry_at = NULL WHERE status = 'running'",
    );
    assert_eq!(changed, 1);
    fs::write(ledger.path("go"), "").unwrap();
    work.signal(Signal::CONT);
    // What it is given now, it does.
    let after = submit(ledger, "exit 0");
    wait_until("it goes on", || {
        record(ledger, &after)["status"] == "exited"
    });
    let said = end(work);
    assert!(said.contains("1 taken over by others"), "{said}");
    let process = record(ledger, &id);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&json!("lost"), &json!(null))
    );
}

fn what_was_not_started_is_run_once(ledger: &Ledger, others: Others<'_>) {
    let ran = ledger.path("ran");
    let line = |what: &str| format!("echo {what} >> ran");
    for number in 0..20 {
        submit(ledger, &line(&number.to_string()));
    }
    let long = [
        "submit",
        "--name",
        "long",
        "--timeout",
        "1m",
        "--",
        "sh",
        "-c",
    ];
    let long = ledger
        .command(long)
        .arg("until [ -e go ]; do sleep 0.01; done");
    long.output().expect_code(0);
    for number in 20..30 {
        submit(ledger, &line(&number.to_string()));
    }
    let work = ["work", "--jobs", "1", "--lease-slack", "7s"];
    let work = ledger.command(work).start();
    // At once: after a moment it gives back what waits behind a long one.
    let runs = "UPDATE machine_process SET pid = pid WHERE status = 'running' AND name = 'long'";
    wait_until("the long one is recorded", || others(runs) == 1);
    work.stop();
    let other = ledger.command(["work", "--jobs", "2"]).start();
    wait_until("the other has run them", || lines(&ran).len() >= 30);
    // Its keeper is not stopped, and held for a moment what it was handed ahead.
    fs::write(ledger.path("go"), "").unwrap();
    wait_until("the long one has ended for its keeper", || {
        !ledger
            .alive()
            .iter()
            .any(|it| it.contains("until [ -e go ]"))
    });
    work.signal(Signal::CONT);
    let after = submit(ledger, "exit 0");
    wait_until("it is all over", || {
        record(ledger, &after)["status"] == "exited"
            && ledger.processes().iter().all(|it| it["status"] == "exited")
    });
    end(other);
    end(work);
    let mut each: Vec<u32> = lines(&ran).iter().map(|it| it.parse().unwrap()).collect();
    each.sort_unstable();
    assert_eq!(each, (0..30).collect::<Vec<_>>());
}

#[test]
fn an_end_that_others_have_told_meanwhile_is_not_written_over() {
    on_a_file(an_end_of_others_stands);
}

#[test]
fn an_end_that_others_have_told_meanwhile_is_not_written_over_on_postgres() {
    on_a_server(an_end_of_others_stands);
}

#[test]
fn what_it_had_claimed_and_not_started_is_run_once_by_another() {
    on_a_file(what_was_not_started_is_run_once);
}

#[test]
fn what_it_had_claimed_and_not_started_is_run_once_by_another_on_postgres() {
    on_a_server(what_was_not_started_is_run_once);
}

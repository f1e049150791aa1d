//! Ends that are wanted while another program has the database locked.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use hostledger_tests::{Ledger, wait_until};
use rustix::process::Signal;

/// Another program that writes, and takes its time.
fn lock(ledger: &Ledger) -> SqliteConnection {
    let path = ledger.database();
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other
        .batch_execute("PRAGMA busy_timeout = 20000; BEGIN EXCLUSIVE")
        .unwrap();
    other
}

fn is_running(ledger: &Ledger) -> bool {
    let row = ledger.processes().pop();
    row.is_some_and(|row| row["status"] == "running")
}

#[test]
fn sigterm_reaches_the_program_and_is_recorded_when_the_lock_is_gone() {
    let ledger = Ledger::new();
    let script = "trap 'touch told; exit 5' TERM; touch ready; while :; do sleep 0.02; done";
    let run = ledger.command(["run", "--", "sh", "-c", script]).start();
    wait_until("it runs and is recorded", || {
        ledger.path("ready").exists() && is_running(&ledger)
    });
    let mut other = lock(&ledger);
    run.signal(Signal::TERM);
    // Nobody can write meanwhile.
    wait_until("it was told", || ledger.path("told").exists());
    assert!(is_running(&ledger), "{:#}", ledger.process());
    other.batch_execute("ROLLBACK").unwrap();
    run.wait().expect_code(5);
    let process = ledger.process();
    assert_eq!(process["outcome"], "killed", "{process:#}");
    assert_eq!(process["exit_code"], 5, "{process:#}");
}

#[test]
fn a_timeout_and_its_sigkill_do_not_wait_for_the_lock() {
    let ledger = Ledger::new();
    let script = "trap '' TERM; echo $$ >pid; while :; do sleep 0.02; done";
    let run = ["run", "--timeout", "1s", "--", "sh", "-c", script];
    let run = ledger.command(run).start();
    wait_until("it runs and is recorded", || {
        ledger.path("pid").exists() && is_running(&ledger)
    });
    let mut other = lock(&ledger);
    let pid = std::fs::read_to_string(ledger.path("pid")).unwrap();
    let pid = format!("{} ", pid.trim_end());
    wait_until("it has gone", || {
        !ledger.alive().iter().any(|one| one.starts_with(&pid))
    });
    other.batch_execute("ROLLBACK").unwrap();
    run.wait().expect_code(124);
    let process = ledger.process();
    assert_eq!(process["outcome"], "timed_out", "{process:#}");
    assert_eq!(process["exit_code"], 137, "{process:#}");
}

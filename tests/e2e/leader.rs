//! A program that ends while others it has started go on.

use std::time::{Duration, Instant};

use hostledger_tests::{Ledger, wait_until};

#[test]
fn run_returns_when_the_program_ends_whoever_still_holds_its_output() {
    let ledger = Ledger::new();
    let begun = Instant::now();
    let output = ledger.sh("sleep 30 & echo done").expect_code(0);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(output.stdout_text(), "done\n");
    let process = ledger.process();
    assert_eq!(
        (&process["status"], &process["exit_code"]),
        (&"exited".into(), &0.into())
    );
    wait_until("the one that is left is there, and untouched", || {
        let left = ledger.alive();
        left.len() == 1 && left[0].contains("(sleep 30)")
    });
    assert_eq!(ledger.kill_all(), 1);
}

#[test]
fn run_does_not_follow_one_that_writes_for_ever() {
    let ledger = Ledger::new();
    let output = ledger.sh("yes & echo done >&2; exit 4");
    let output = output.expect_code(4);
    assert_eq!(output.stderr_text(), "done\n");
    assert_eq!(ledger.kill_all(), 1, "the one that writes on");
}

#[test]
fn all_that_was_written_by_the_end_has_come() {
    let ledger = Ledger::new();
    for _ in 0..10 {
        let output = ledger
            .sh("sleep 30 & seq 1 20000; seq 1 5000 >&2")
            .expect_code(0);
        assert_eq!(output.stdout_text().lines().count(), 20_000);
        assert_eq!(output.stderr_text().lines().count(), 5_000);
        assert_eq!(ledger.kill_all(), 1);
    }
}

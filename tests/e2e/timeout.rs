//! Programs that take too long.

use std::fs;

use hostledger_tests::Ledger;
use serde_json::Value;

use crate::background::{UNTIL_GO, record};
use crate::detached::detach;

/// Says `ready`, and has a child, a daemon and a child that ignores SIGTERM.
const FAMILY: &str =
    "sleep 60 & setsid sh -c 'sleep 61 & exit'; sh -c 'trap \"\" TERM; sleep 62' & wait";

#[track_caller]
fn assert_timed_out(process: &Value, code: i32) {
    assert_eq!(process["outcome"], "timed_out", "{process:#}");
    assert_eq!(process["exit_code"], code, "{process:#}");
}

#[test]
fn all_of_the_tree_is_ended_and_124_told() {
    let ledger = Ledger::new();
    let run = ledger.run(["run", "--timeout", "300ms", "--", "sh", "-c", FAMILY]);
    run.expect_code(124);
    assert_eq!(ledger.alive(), [""; 0]);
    let process = ledger.process();
    assert_timed_out(&process, 143);
    assert_eq!(process["timeout_ms"], 300);
}

#[test]
fn it_is_kept_for_programs_in_the_background_too() {
    let ledger = Ledger::new();
    let id = detach(&ledger, &["--timeout", "300ms"], FAMILY);
    ledger.run(["wait", &id]).expect_code(143);
    hostledger_tests::wait_until("all have gone", || ledger.alive().is_empty());
    assert_timed_out(&record(&ledger, &id), 143);
}

#[test]
fn how_the_program_ended_itself_is_not_lost() {
    let ledger = Ledger::new();
    let script = format!("trap 'exit 7' TERM; {UNTIL_GO}");
    let run = ledger.run(["run", "--timeout", "200ms", "--", "sh", "-c", &script]);
    run.expect_code(124);
    assert_timed_out(&ledger.process(), 7);
}

#[test]
fn one_that_ends_in_time_is_none_of_them() {
    let ledger = Ledger::new();
    let run = ledger.run(["run", "--timeout", "30s", "--", "sh", "-c", "exit 9"]);
    run.expect_code(9);
    let process = ledger.process();
    assert_eq!(process["outcome"], "exited");
    assert_eq!(process["timeout_ms"], 30_000);
}

#[test]
fn there_is_none_unless_it_is_given() {
    let ledger = Ledger::new();
    let id = detach(&ledger, &[], UNTIL_GO);
    let process = record(&ledger, &id);
    assert!(process["timeout_ms"].is_null(), "{process:#}");
    fs::write(ledger.path("go"), "").unwrap();
    ledger.run(["wait", &id]).expect_code(0);
}

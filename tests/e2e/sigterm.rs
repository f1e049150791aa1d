//! SIGTERM, from whomever it comes.

use hostledger_tests::Ledger;

use crate::background::record;
use crate::detached::detach;

/// The code and the outcome of what was ended by `end`, which is given its id and pid.
#[track_caller]
fn ended_by(ledger: &Ledger, options: &[&str], end: impl FnOnce(&str, &str)) -> (i64, String) {
    let id = detach(ledger, options, "exec sleep 60");
    let pid = record(ledger, &id)["pid"].to_string();
    end(&id, &pid);
    ledger.run(["wait", &id]).expect_code(143);
    let process = record(ledger, &id);
    let outcome = process["outcome"].as_str().unwrap().to_owned();
    (process["exit_code"].as_i64().unwrap(), outcome)
}

#[test]
fn the_code_is_the_same_and_the_outcome_says_who_it_was() {
    let ledger = Ledger::new();
    let by_somebody = ended_by(&ledger, &[], |_, pid| {
        ledger.other("kill").arg(pid).output().expect_code(0);
    });
    let by_kill = ended_by(&ledger, &[], |id, _| {
        ledger.run(["kill", id]).expect_code(0);
    });
    let by_signal = ended_by(&ledger, &[], |id, _| {
        ledger.run(["kill", "--signal", "TERM", id]).expect_code(0);
    });
    let by_tree = ended_by(&ledger, &[], |id, _| {
        ledger.run(["kill", "--tree", id]).expect_code(0);
    });
    let by_time = ended_by(&ledger, &["--timeout", "100ms"], |_, _| {});
    let ended = [by_somebody, by_kill, by_signal, by_tree, by_time];
    let outcomes = ["signaled", "killed", "killed", "killed", "timed_out"];
    assert_eq!(ended, outcomes.map(|outcome| (143, outcome.to_owned())));
}

#[test]
fn one_that_ignores_it_runs_on_and_is_said_to() {
    let ledger = Ledger::new();
    let script = "trap '' TERM; touch deaf; while :; do sleep 0.05; done";
    let id = detach(&ledger, &[], script);
    hostledger_tests::wait_until("it is deaf", || ledger.path("deaf").exists());
    ledger.run(["kill", "--signal", "TERM", &id]).expect_code(0);
    ledger.run(["cleanup"]).expect_code(0);
    let process = record(&ledger, &id);
    assert_eq!(process["status"], "running", "{process:#}");
    assert!(process["exit_code"].is_null(), "{process:#}");
    ledger.run(["kill", "--signal", "KILL", &id]).expect_code(0);
    ledger.run(["wait", &id]).expect_code(137);
}

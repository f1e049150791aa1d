//! Whole trees are ended, however their processes hide. `cargo xtask torture trees` tries many
//! more shapes and ways.

use std::time::{Duration, Instant};

use hostledger_tests::{Ledger, wait_until};

use crate::background::{is_alive, record};
use crate::detached::detach;

/// A daemon: a session of its own, forked twice, no output of ours.
const DAEMON: &str = "setsid sh -c 'sleep 61 >/dev/null 2>&1 & exit'";

/// All obey SIGTERM at once: whatever takes longer has waited for what is not there any more.
const NO_GRACE: Duration = Duration::from_millis(1500);

#[test]
fn daemons_are_ended_with_the_rest_and_nobody_is_waited_for_in_vain() {
    let ledger = Ledger::new();
    let id = detach(&ledger, &[], &format!("{DAEMON}; sleep 62 & wait"));
    wait_until("all are there", || ledger.alive().len() == 3);
    let begun = Instant::now();
    ledger.run(["kill", "--tree", &id]).expect_code(0);
    assert!(begun.elapsed() < NO_GRACE, "{:?}", begun.elapsed());
    ledger.run(["wait", &id]).expect_code(143);
    wait_until("nobody is left", || ledger.alive().is_empty());
    assert_eq!(record(&ledger, &id)["outcome"], "killed");
}

#[test]
fn what_a_leader_has_left_behind_is_ended_too() {
    let ledger = Ledger::new();
    let id = detach(&ledger, &[], &format!("{DAEMON}; exit 3"));
    ledger.run(["wait", &id]).expect_code(3);
    wait_until("the daemon is there", || {
        ledger.alive().iter().any(|it| it.contains("sleep 61"))
    });
    ledger.run(["kill", "--tree", &id]).expect_code(0);
    wait_until("nobody is left", || ledger.alive().is_empty());
    let process = record(&ledger, &id);
    assert_eq!(process["exit_code"], 3, "how it ended stays: {process:#}");
}

#[test]
fn a_child_that_ignores_sigterm_is_killed_though_its_leader_has_obeyed() {
    let ledger = Ledger::new();
    let script = "sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' & sleep 60";
    let id = detach(&ledger, &[], script);
    wait_until("all are there", || ledger.alive().len() >= 3);
    let kill = ledger.run(["kill", "--tree", "--grace", "300ms", &id]);
    kill.expect_code(0);
    wait_until("nobody is left", || ledger.alive().is_empty());
    ledger.run(["wait", &id]).expect_code(143);
}

#[test]
fn what_was_meant_to_live_on_does() {
    let ledger = Ledger::new();
    let script = "setsid sleep 61 >/dev/null 2>&1 & echo $! >pid; exec sleep 60";
    let id = detach(&ledger, &["--kill-mode", "process"], script);
    let pid = || {
        std::fs::read_to_string(ledger.path("pid"))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    wait_until("it says who lives on", || pid().is_some());
    ledger.run(["kill", &id]).expect_code(0);
    ledger.run(["wait", &id]).expect_code(143);
    assert!(is_alive(pid().unwrap()));
    ledger.run(["kill", "--tree", &id]).expect_code(0);
    wait_until("nobody is left", || ledger.alive().is_empty());
}

//! Hooks beside others.

use std::fs;

use hostledger_tests::Ledger;

use super::{plugin_file, run};

#[test]
fn a_background_hook_runs_beside_the_next_ones() {
    let ledger = Ledger::new();
    // Each waits for the other: one after the other they would wait for ever.
    plugin_file(
        &ledger,
        "a/on_X__10_beside.finite.bg.sh",
        "touch ../beside; until [ -e ../front ]; do sleep 0.01; done; echo '{\"type\":\"Beside\"}'",
    );
    plugin_file(
        &ledger,
        "a/on_X__20_front.sh",
        "until [ -e ../beside ]; do sleep 0.01; done; touch ../front",
    );
    let ran = run(&ledger);
    assert_eq!(
        ran.process("on_X__10_beside.finite.bg.sh")["verdict"],
        "succeeded"
    );
    assert_eq!(ran.records().next().unwrap()["type"], "Beside");
    ran.output.expect_code(0);
}

#[test]
fn a_daemon_is_asked_to_end_after_the_last_foreground_hook_and_may_finish() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_daemon.daemon.bg.sh",
        "trap 'sleep 0.3; echo \"{\\\"type\\\":\\\"Finished\\\",\\\"front\\\":$(cat ../front)}\"; exit 0' TERM\n\
         touch ../ready; while :; do sleep 0.01; done",
    );
    plugin_file(
        &ledger,
        "a/on_X__20_front.sh",
        "until [ -e ../ready ]; do sleep 0.01; done; sleep 0.3; echo 1 > ../front",
    );
    let ran = run(&ledger);
    let daemon = ran.process("on_X__10_daemon.daemon.bg.sh");
    assert_eq!(
        (&daemon["verdict"], &daemon["exit_code"]),
        (&"succeeded".into(), &0.into())
    );
    assert_eq!(daemon["stop"]["signal"], 15);
    let record = ran.records().next().unwrap();
    assert_eq!(record["type"], "Finished");
    assert_eq!(record["front"], 1, "the foreground was done");
    ran.output.expect_code(0);
}

#[test]
fn a_daemon_that_does_not_listen_is_stopped_with_all_it_started() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_daemon.bg.sh",
        "setsid sleep 1000 & sleep 1000 & touch ../ready; wait",
    );
    plugin_file(
        &ledger,
        "a/on_X__20_front.sh",
        "until [ -e ../ready ]; do sleep 0.01; done",
    );
    let ran = run(&ledger);
    assert_eq!(ran.process("on_X__10_daemon.bg.sh")["verdict"], "stopped");
    assert_eq!(ledger.alive(), Vec::<String>::new());
    ran.output.expect_code(0);
}

#[test]
fn a_finite_hook_is_waited_for_and_not_asked_to_end() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_finite.finite.bg.sh",
        "trap 'touch ../asked' TERM; sleep 0.5; touch ../finished",
    );
    plugin_file(&ledger, "a/on_X__20_front.sh", "exit 0");
    run(&ledger).output.expect_code(0);
    assert!(ledger.path("finished").exists());
    assert!(!ledger.path("asked").exists());
}

#[test]
fn a_background_hook_starts_when_its_turn_comes() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_front.sh",
        "sleep 0.2; echo front >> ../order",
    );
    plugin_file(
        &ledger,
        "a/on_X__20_beside.finite.bg.sh",
        "echo beside >> ../order",
    );
    run(&ledger).output.expect_code(0);
    assert_eq!(
        fs::read_to_string(ledger.path("order")).unwrap(),
        "front\nbeside\n"
    );
}

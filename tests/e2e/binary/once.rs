//! Many who ask at once, and those who die in the middle.

use hostledger_tests::{Ledger, wait_until};
use rustix::process::Signal;

use super::*;

#[test]
fn many_who_ask_for_one_name_install_it_once() {
    let ledger = Ledger::new();
    npm(&ledger, "/bin/sleep 0.5", "1.0");
    let arguments = ["install", "tool", "--providers", "npm", "--json"];
    let asking: Vec<_> = (0..4)
        .map(|_| binary(&ledger, &arguments).start())
        .collect();
    let mut answers: Vec<_> = asking
        .into_iter()
        .flat_map(|asking| records(&asking.wait().expect_code(0)))
        .collect();
    assert_eq!(installs(&ledger), 1);
    assert_eq!(answers.len(), 4);
    answers.dedup();
    assert_eq!(answers.len(), 1, "all get the same record: {answers:#?}");
}

#[test]
fn who_waits_is_told_why_it_failed() {
    let ledger = Ledger::new();
    tool(&ledger, "npm", "/bin/sleep 1; echo broken >&2; exit 1");
    let arguments = ["install", "tool", "--providers", "npm"];
    let first = binary(&ledger, &arguments).start();
    wait_until("it is at work", || !runs(&ledger).is_empty());
    let second = binary(&ledger, &arguments).start();
    for output in [first.wait(), second.wait()] {
        let output = output.expect_code(1);
        assert!(
            output.stderr_text().contains("exit code 1: broken"),
            "{}",
            output.report()
        );
    }
}

#[test]
fn what_a_dead_installer_has_begun_is_ended_and_begun_anew() {
    let ledger = Ledger::new();
    let begun = ledger.path("begun");
    let hangs = format!(
        "[ -e {0} ] || {{ : > {0}; /bin/sleep 1000 & /bin/sleep 1000; }}",
        begun.display()
    );
    npm(&ledger, &hangs, "1.0");
    let arguments = ["install", "tool", "--providers", "npm"];
    let first = binary(&ledger, &arguments).start();
    wait_until("it is at work", || {
        begun.exists() && ledger.alive().len() >= 3
    });
    wait_until("its start is written", || {
        runs(&ledger)
            .first()
            .is_some_and(|run| run["status"] == "running")
    });
    first.signal(Signal::KILL);
    first.wait().expect_signal(Signal::KILL);
    let abandoned = record(&ledger, &["show", "tool"]);
    assert_eq!(abandoned["status"], "started");

    let installed = record(&ledger, &arguments);
    assert_eq!(installed["id"], abandoned["id"]);
    assert_eq!(installed["status"], "installed");
    assert_eq!(runs(&ledger)[0]["outcome"], "killed", "what was begun");
    wait_until("nothing of it is left", || ledger.alive().is_empty());
    assert_eq!(installs(&ledger), 1);
}

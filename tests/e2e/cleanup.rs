//! Rows of processes that nobody watches any more.

use std::fs;

use hostledger_tests::{Ledger, wait_until};

use crate::background::{UNTIL_GO, is_alive, record};
use crate::detached::detach;
use crate::others::{Others, on_a_file, on_a_server};

/// A script in the background, without anybody left who would see its end.
#[track_caller]
fn abandoned(ledger: &Ledger, script: &str) -> (String, i32) {
    let id = detach(ledger, &[], &format!("{UNTIL_GO}; {script}"));
    let pid = record(ledger, &id)["pid"].as_i64().unwrap();
    let pid = i32::try_from(pid).unwrap();
    hostledger_tests::kill_keeper_of(pid);
    (id, pid)
}

#[test]
fn all_are_settled_whatever_they_have_written() {
    let ledger = Ledger::new();
    let abandoned = [
        r"printf '\377\376\000'; exit 3",
        "echo text; exit 4",
        "exit 0",
    ]
    .map(|script| abandoned(&ledger, script));
    fs::write(ledger.path("go"), "").unwrap();
    for (_, pid) in &abandoned {
        wait_until("it has ended", || !is_alive(*pid));
    }
    ledger.run(["cleanup"]).expect_code(0);
    assert_eq!(ledger.json(["ps"]).len(), 0);
    for ((id, _), code) in abandoned.iter().zip([3, 4, 0]) {
        let process = record(&ledger, id);
        // Whoever has them now may not have reaped them, so that it can still be read.
        let truth = process["outcome"] == "exited" && process["exit_code"] == code;
        let lost = process["outcome"] == "lost" && process["exit_code"].is_null();
        assert!(truth || lost, "{process:#}");
        let told = if lost { 125 } else { code };
        ledger.run(["wait", id]).expect_code(told);
    }
    let logs = ledger.run(["logs", &abandoned[1].0]).expect_code(0);
    assert_eq!(logs.stdout_text(), "text\n");
}

#[test]
fn one_that_runs_is_left_alone() {
    let ledger = Ledger::new();
    let (id, pid) = abandoned(&ledger, "exit 3");
    ledger.run(["cleanup"]).expect_code(0);
    assert!(is_alive(pid));
    assert_eq!(record(&ledger, &id)["status"], "running");
    ledger.run(["kill", &id]).expect_code(0);
}

/// Older writers gave -1 to what they found gone.
fn a_code_of_older_writers_is_mended(ledger: &Ledger, others: Others<'_>) {
    ledger.sh("exit 3").expect_code(3);
    ledger.sh("exit 4").expect_code(4);
    let changed = others("UPDATE machine_process SET exit_code = -1 WHERE exit_code = 3");
    assert_eq!(changed, 1);
    let cleaned = ledger.run(["cleanup"]).expect_code(0);
    assert!(
        cleaned.stdout_text().contains("mean 137: 1 mended\n"),
        "{}",
        cleaned.report()
    );
    assert_eq!(
        others("UPDATE machine_process SET exit_code = 137 WHERE exit_code = 137"),
        1
    );
    let codes: Vec<_> = ledger
        .processes()
        .iter()
        .map(|it| it["exit_code"].clone())
        .collect();
    assert_eq!(codes, [137, 4]);
    let again = ledger.run(["cleanup"]).expect_code(0);
    assert_eq!(again.stdout_text(), "every row is as it should be\n");
}

#[test]
fn exit_codes_of_older_writers_are_mended() {
    on_a_file(a_code_of_older_writers_is_mended);
}

#[test]
fn exit_codes_of_older_writers_are_mended_on_postgres() {
    on_a_server(a_code_of_older_writers_is_mended);
}

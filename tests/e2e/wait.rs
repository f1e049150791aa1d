//! Waiting for processes.

use std::time::{Duration, Instant};

use hostledger_tests::Ledger;

use crate::background::{Background, UNTIL_GO};

#[test]
fn one_that_has_ended_gives_its_code_at_once() {
    let ledger = Ledger::new();
    for (command, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "kill -9 $$"], 137),
        (&["/nonexistent"], 127),
    ] {
        ledger
            .command(["run", "--"])
            .args(command)
            .output()
            .expect_code(code);
        let id = ledger.last_id();
        let waited = ledger.run(["wait", &id]).expect_code(code);
        assert_eq!((waited.stdout_text(), waited.stderr_text()), ("", ""));
        let printed = ledger
            .command(["wait", "--json", &id])
            .output()
            .expect_code(code);
        let mut shown = ledger.json(["show", &id]);
        // What is told beside the record is told there alone.
        shown[0].as_object_mut().unwrap().remove("reason");
        assert_eq!(hostledger_tests::json_lines(&printed.stdout), shown);
    }
}

#[test]
fn one_that_runs_is_waited_for() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, &format!("{UNTIL_GO}; exit 5"));
    let waits: Vec<_> = [run.id.clone(), format!("pid:{}", run.pid)]
        .map(|id| ledger.command(["wait", &id]).start())
        .into();
    let short = ledger.run(["wait", "--timeout", "50ms", &run.id]);
    short.expect_refusal(124, &[&run.id, "50ms"]);
    assert!(waits.iter().all(|wait| !wait.has_ended()));
    assert!(run.is_alive(), "a timeout ends nothing");
    run.go();
    for wait in waits {
        wait.wait().expect_code(5);
    }
    run.run.wait().expect_code(5);
}

#[test]
fn a_timeout_is_kept() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "exec sleep 60");
    let begun = Instant::now();
    ledger
        .run(["wait", "--timeout", "300ms", &run.id])
        .expect_code(124);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    run.end(&ledger);
}

#[test]
fn several_succeed_together() {
    let ledger = Ledger::new();
    for code in [0, 0, 3] {
        ledger.sh(&format!("exit {code}")).expect_code(code);
    }
    let ids: Vec<_> = ledger
        .processes()
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    ledger.run(["wait", &ids[0], &ids[1]]).expect_code(0);
    ledger
        .run(["wait", &ids[0], &ids[1], &ids[2]])
        .expect_code(1);
    let printed = ledger
        .command(["wait", "--json"])
        .args(&ids)
        .output()
        .expect_code(1);
    assert_eq!(hostledger_tests::json_lines(&printed.stdout).len(), 3);
}

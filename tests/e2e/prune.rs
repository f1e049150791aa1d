//! History that is deleted with its files.

use std::fs;

use hostledger_tests::Ledger;

use crate::background::{Background, UNTIL_GO};

#[test]
fn what_is_old_is_told_and_deleted_when_that_is_asked_for() {
    let ledger = Ledger::new();
    for script in ["echo one", "echo two >&2; exit 3"] {
        ledger.sh(script);
    }
    ledger.run(["submit", "--", "true"]).expect_code(0);
    let logs = || {
        fs::read_dir(ledger.data().join("processes"))
            .unwrap()
            .count()
    };
    assert_eq!((ledger.processes().len(), logs()), (3, 4));

    let young = ledger
        .run(["cleanup", "--older-than", "30d", "--delete"])
        .expect_code(0);
    assert!(
        young.stdout_text().contains("0 processes"),
        "{}",
        young.report()
    );
    let told = ledger.run(["cleanup", "--older-than", "0s"]).expect_code(0);
    assert!(
        told.stdout_text()
            .contains("--delete: 2 processes, 4 files"),
        "{}",
        told.report()
    );
    assert_eq!((ledger.processes().len(), logs()), (3, 4));

    let told = ledger.json(["cleanup", "--older-than", "0s", "--delete"]);
    assert_eq!(
        (&told[0]["found"], &told[0]["action"]),
        (&"old".into(), &"deleted".into())
    );
    assert_eq!(
        (&told[0]["processes"], &told[0]["files"]),
        (&2.into(), &4.into())
    );
    assert_eq!(ledger.process()["status"], "queued");
    assert_eq!(logs(), 0);
    ledger
        .run(["cleanup", "--delete"])
        .expect_refusal(2, &["--older-than"]);
    ledger
        .run(["cleanup", "--older-than", "30"])
        .expect_refusal(2, &["--older-than"]);
}

#[test]
fn what_runs_and_what_it_descends_from_stays() {
    let ledger = Ledger::new();
    let running = Background::start(&ledger, UNTIL_GO);
    ledger.sh("true").expect_code(0);
    let pruned = ledger.json(["cleanup", "--older-than", "0s", "--delete"]);
    assert_eq!(pruned[0]["processes"], 1);
    assert!(running.is_alive());
    assert_eq!(ledger.process()["id"], *running.id);
    fs::write(&running.go, "").unwrap();
    running.run.wait().expect_code(0);
    let log = ledger.run(["logs", &running.id]).expect_code(0);
    assert_eq!(log.stdout_text(), "ready\n");
}

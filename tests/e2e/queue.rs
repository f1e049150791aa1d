//! Queued work that is taken back, and ended work that is queued once more.

use hostledger_tests::Ledger;

use crate::background::{Background, record};

fn submit(ledger: &Ledger, words: &[&str]) -> String {
    let queued = ledger.command(["submit", "--"]).args(words).output();
    queued.expect_code(0).stdout_text().trim_end().to_owned()
}

#[test]
fn queued_work_is_cancelled() {
    let ledger = Ledger::new();
    let ids = [submit(&ledger, &["true"]), submit(&ledger, &["false"])];
    let cancelled = ledger
        .command(["cancel"])
        .args(&ids)
        .output()
        .expect_code(0);
    for id in &ids {
        assert!(
            cancelled
                .stdout_text()
                .contains(&format!("{id} cancelled\n"))
        );
        let process = record(&ledger, id);
        assert_eq!(
            (&process["status"], &process["outcome"]),
            (&"exited".into(), &"cancelled".into())
        );
        assert!(
            process["exit_code"].is_null() && process["pid"].is_null(),
            "{process:#}"
        );
    }
    let again = ledger.run(["cancel", &ids[0]]);
    again.expect_refusal(1, &["has ended", &ids[0]]);
    ledger.run(["wait", &ids[0]]).expect_code(125);
    let unknown = ledger.run(["cancel", "00000000"]);
    unknown.expect_refusal(1, &["00000000"]);
}

#[test]
fn what_runs_is_not_cancelled_and_it_is_said_what_ends_it() {
    let ledger = Ledger::new();
    let running = Background::start(&ledger, crate::background::UNTIL_GO);
    let queued = submit(&ledger, &["true"]);
    let refused = ledger.run(["cancel", &running.id, &queued]).expect_code(1);
    assert_eq!(refused.stdout_text(), format!("{queued} cancelled\n"));
    let said = refused.stderr_text();
    assert!(
        said.contains("has started") && said.contains("hostledger kill"),
        "{said}"
    );
    assert!(running.is_alive());
    std::fs::write(&running.go, "").unwrap();
    running.run.wait().expect_code(0);
}

#[test]
fn what_has_ended_is_queued_once_more_and_names_the_old_one() {
    let ledger = Ledger::new();
    let run = ledger.command([
        "run", "--name", "n", "--env", "LANG=C", "--nice", "4", "--", "sh", "-c",
    ]);
    run.arg("exit 3").output().expect_code(3);
    let old = ledger.process();
    let old_id = old["id"].as_str().unwrap();
    let printed = ledger.run(["restart", old_id]).expect_code(0);
    let id = printed.stdout_text().trim_end().to_owned();
    let again = record(&ledger, &id);
    assert_eq!(again["restart_of"], old["id"]);
    assert_eq!(
        (&again["status"], &again["exit_code"]),
        (&"queued".into(), &serde_json::Value::Null)
    );
    for same in ["cmd", "pwd", "name", "launch", "machine_id"] {
        assert_eq!(again[same], old[same]);
    }
    let shown = ledger.run(["show", &id]).expect_code(0);
    assert!(
        shown
            .stdout_text()
            .contains(&format!("restart_of: {old_id}\n"))
    );
    let refused = ledger.run(["restart", &id]);
    refused.expect_refusal(1, &["is queued", &id]).expect_hint();
    assert_eq!(record(&ledger, old_id), old);
}

#[test]
fn what_needs_secrets_that_are_gone_is_not_restarted() {
    let ledger = Ledger::new();
    let run = ledger.run(["run", "--env", "API_TOKEN=hunter2", "--", "true"]);
    run.expect_code(0);
    let refused = ledger.run(["restart", &ledger.last_id()]);
    refused.expect_refusal(1, &["API_TOKEN"]).expect_hint();
}

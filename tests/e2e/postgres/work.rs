//! Workers on PostgreSQL.

use std::fs;

use hostledger_tests::postgres::{Database, available};
use hostledger_tests::{Ledger, Signal, wait_until};
use serde_json::json;

use crate::background::record;
use crate::work::{append, lines, status, submit, until, wait_lines, worker};

#[test]
fn drains_what_is_due_retries_failures_and_leaves_what_was_cancelled() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let ledger = Ledger::at(database.url());
    let file = ledger.path("ran");
    let scripts: Vec<_> = (0..60)
        .map(|number| {
            format!(
                "{}; exit {}",
                append(&file, &number.to_string()),
                number % 3
            )
        })
        .collect();
    let ids = submit(&ledger, &scripts, &json!({}));
    let tried = ledger.path("tried");
    let script = format!(
        "{}; n=$(wc -l < {}); [ $n -ge 3 ] || exit $n",
        append(&tried, "x"),
        tried.display()
    );
    let retried = submit(&ledger, &[script], &json!({"max_attempts": 5})).remove(0);
    ledger.run(["cancel", &ids[59]]).expect_code(0);
    ledger.run(["work", "--once", "--jobs", "4"]).expect_code(0);
    for (number, id) in ids.iter().enumerate().take(59) {
        let process = record(&ledger, id);
        assert_eq!(process["exit_code"], number % 3, "{process:#}");
    }
    assert_eq!(lines(&file).len(), 59, "each once, and not the last");
    // Its backoff is not over when nothing else is due.
    wait_until("it has succeeded", || {
        ledger.run(["work", "--once"]).expect_code(0);
        status(&ledger, &retried) == "exited"
    });
    let shown = &ledger.json(["show", &retried])[0];
    assert_eq!(
        (&shown["exit_code"], &shown["attempt"]),
        (&json!(0), &json!(3))
    );
    let earlier = shown["earlier_attempts"].as_array().unwrap();
    let codes: Vec<_> = earlier.iter().map(|it| &it["exit_code"]).collect();
    assert_eq!(codes, [1, 2]);
}

#[test]
fn what_a_killed_worker_has_left_is_finished_by_another_with_true_codes() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let ledger = Ledger::at(database.url());
    let (go, begun) = (ledger.path("go"), ledger.path("begun"));
    let ids = submit(&ledger, &vec![until(&go, &begun, 7); 8], &json!({}));
    let first = worker(&ledger, &["--jobs", "3"]);
    wait_lines(&begun, 3);
    let second = worker(&ledger, &["--jobs", "2"]);
    wait_lines(&begun, 5);
    first.signal(Signal::KILL);
    let _killed = first.wait();
    fs::write(&go, "").unwrap();
    wait_until("all have ended", || {
        ids.iter().all(|id| status(&ledger, id) == "exited")
    });
    for id in &ids {
        let process = record(&ledger, id);
        assert_eq!(
            (&process["exit_code"], &process["outcome"]),
            (&json!(7), &json!("exited"))
        );
    }
    assert_eq!(lines(&begun).len(), 8, "each once");
    second.signal(Signal::TERM);
    second.wait().expect_code(0);
}

/// Makes commits of starts wait until the table `go` has a row.
const SLOW_STARTS: &str = "
    CREATE TABLE go (given boolean);
    CREATE FUNCTION wait_for_go() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        WHILE NOT EXISTS (SELECT FROM go) LOOP PERFORM pg_sleep(0.01); END LOOP;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER slow_starts AFTER UPDATE ON machine_process
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.status = 'running') EXECUTE FUNCTION wait_for_go();";

#[test]
fn an_end_is_recorded_though_the_start_is_committed_when_who_wrote_it_is_dead() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let ledger = Ledger::at(database.url());
    let (go, begun) = (ledger.path("go"), ledger.path("begun"));
    let id = submit(&ledger, &[until(&go, &begun, 7)], &json!({})).remove(0);
    database.run(SLOW_STARTS);
    let work = worker(&ledger, &[]);
    wait_lines(&begun, 1);
    let one_waits = |for_what: &str| {
        let waits = "SELECT 'yes' FROM pg_stat_activity WHERE datname = current_database()";
        database
            .run(&format!("{waits} AND {for_what}"))
            .contains("yes")
    };
    wait_until("the server is about the start", || {
        one_waits("wait_event = 'PgSleep' AND query LIKE '%COMMIT%'")
    });
    work.signal(Signal::KILL);
    let _killed = work.wait();
    fs::write(&go, "").unwrap();
    wait_until("the keeper has left", || ledger.alive().is_empty());
    let cleanup = ledger.command(["cleanup"]).start();
    wait_until("the end waits for the start", || {
        one_waits("wait_event_type = 'Lock' AND wait_event = 'transactionid'")
    });
    database.run("INSERT INTO go VALUES (true)");
    cleanup.wait().expect_code(0);
    let process = record(&ledger, &id);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&json!("exited"), &json!(7)),
        "{process:#}"
    );
}

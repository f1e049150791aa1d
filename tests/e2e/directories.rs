//! Several data directories on one database: each sees what the others have taken on, and leaves it
//! to them for as long as they live.

use std::fs;
use std::path::PathBuf;

use hostledger_tests::postgres::{Database, available};
use hostledger_tests::{Ledger, Signal, wait_until};
use serde_json::{Value, json};

use crate::background::{Background, UNTIL_GO, record};
use crate::work::{lines, status, submit, until, wait_lines, worker};

/// Two ledgers of one file, in the directory of the first.
fn of_a_file() -> [Ledger; 2] {
    let first = Ledger::new();
    first.run(["ps"]).expect_code(0);
    let second = Ledger::at(format!("sqlite:{}", first.database().display()));
    [first, second]
}

/// Two ledgers of one database on a server.
fn of_a_server(database: &Database) -> [Ledger; 2] {
    [(); 2].map(|()| Ledger::at(database.url()))
}

/// What is queued with a secret in the first is run by a worker there, whoever looks for work before.
fn a_secret_is_used_where_it_is_kept([first, second]: [Ledger; 2]) {
    let ran = first.path("ran");
    let script = format!("echo $API_TOKEN >> {}", ran.display());
    let submit = ["submit", "--env", "API_TOKEN=hunter2", "--", "sh", "-c"];
    let queued = first.command(submit).arg(&script).output().expect_code(0);
    let id = queued.stdout_text().trim().to_owned();
    second.run(["work", "--once"]).expect_code(0);
    assert_eq!(status(&second, &id), "queued");
    let work = worker(&first, &[]);
    wait_until("it has run", || status(&first, &id) == "exited");
    assert_eq!(lines(&ran), ["hunter2"]);
    assert_eq!(record(&second, &id)["exit_code"], 0);
    wait_until("its secret is gone", || {
        fs::read_dir(first.data().join("secrets"))
            .unwrap()
            .next()
            .is_none()
    });
    work.signal(Signal::TERM);
    work.wait().expect_code(0);
}

fn owners(ledger: &Ledger) -> Value {
    let checks = ledger.json(["doctor"]);
    let check = checks.into_iter().find(|it| it["name"] == "owners");
    check.unwrap()
}

/// Runs a worker of the first in the sight of the second.
fn a_live_worker_keeps_what_it_has([first, second]: [Ledger; 2]) {
    let (go, begun) = (first.path("go"), first.path("begun"));
    let script = format!("echo said; {}", until(&go, &begun, 7));
    let ids = submit(&first, &[script], &json!({}));
    let work = worker(&first, &["--once"]);
    wait_lines(&begun, 1);
    wait_until("it is recorded", || status(&first, &ids[0]) == "running");
    second.run(["work", "--once"]).expect_code(0);
    second.run(["cleanup"]).expect_code(0);
    assert_eq!(owners(&second)["found"], "1 alive, 0 dead");
    assert_eq!(status(&second, &ids[0]), "running");
    let logs = second.run(["logs", &ids[0]]).expect_code(0);
    assert_eq!(logs.stdout_text(), "said\n");
    let wait = second.command(["wait", &ids[0]]).start();
    fs::write(&go, "").unwrap();
    wait.wait().expect_code(7);
    work.wait().expect_code(0);
    let process = record(&second, &ids[0]);
    assert_eq!(
        (&process["exit_code"], &process["attempt"]),
        (&json!(7), &json!(1))
    );
    assert_eq!(lines(&begun).len(), 1, "once");
    assert_eq!(owners(&second)["found"], "0 alive, 0 dead");
}

/// Kills a worker of the first: the second finds what its keeper has seen.
fn what_a_killed_worker_has_left_is_settled_by_its_keepers_account([first, second]: [Ledger; 2]) {
    let (go, begun) = (first.path("go"), first.path("begun"));
    let ids = submit(&first, &vec![until(&go, &begun, 7); 3], &json!({}));
    let work = worker(&first, &["--jobs", "2"]);
    wait_lines(&begun, 2);
    wait_until("both are recorded", || {
        ids[..2].iter().all(|id| status(&first, id) == "running")
    });
    work.signal(Signal::KILL);
    let _killed = work.wait();
    assert_eq!(owners(&second)["found"], "0 alive, 1 dead");
    let next = worker(&second, &["--once", "--jobs", "2"]);
    wait_lines(&begun, 3);
    fs::write(&go, "").unwrap();
    next.wait().expect_code(0);
    for process in second.processes() {
        assert_eq!(
            (&process["exit_code"], &process["outcome"]),
            (&json!(7), &json!("exited")),
            "{process:#}"
        );
    }
    assert_eq!(lines(&begun).len(), 3, "each once");
    second.run(["cleanup"]).expect_code(0);
    assert_eq!(owners(&second)["found"], "0 alive, 0 dead");
}

#[test]
fn a_live_worker_of_another_one_keeps_what_it_has() {
    a_live_worker_keeps_what_it_has(of_a_file());
}

#[test]
fn a_live_worker_beside_the_database_keeps_what_it_has_from_another_one() {
    let [first, second] = of_a_file();
    a_live_worker_keeps_what_it_has([second, first]);
}

#[test]
fn a_live_worker_of_another_one_keeps_what_it_has_on_postgres() {
    if available() {
        let database = Database::shared();
        a_live_worker_keeps_what_it_has(of_a_server(&database));
    }
}

#[test]
fn what_a_killed_worker_of_another_one_has_left_is_settled_truly() {
    what_a_killed_worker_has_left_is_settled_by_its_keepers_account(of_a_file());
    let [first, second] = of_a_file();
    what_a_killed_worker_has_left_is_settled_by_its_keepers_account([second, first]);
}

#[test]
fn what_a_killed_worker_of_another_one_has_left_is_settled_truly_on_postgres() {
    if available() {
        let database = Database::shared();
        what_a_killed_worker_has_left_is_settled_by_its_keepers_account(of_a_server(&database));
    }
}

#[test]
fn a_secret_of_another_one_is_used_where_it_is_kept() {
    a_secret_is_used_where_it_is_kept(of_a_file());
    let [first, second] = of_a_file();
    a_secret_is_used_where_it_is_kept([second, first]);
}

#[test]
fn a_secret_of_another_one_is_used_where_it_is_kept_on_postgres() {
    if available() {
        let database = Database::shared();
        a_secret_is_used_where_it_is_kept(of_a_server(&database));
    }
}

/// As in another container, of which nothing is to be seen here.
#[test]
fn what_belongs_to_somebody_out_of_reach_is_theirs_until_the_lease_is_over() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let [first, second] = of_a_server(&database);
    let (go, begun) = (first.path("go"), first.path("begun"));
    let ids = submit(&first, &[until(&go, &begun, 7)], &json!({}));
    let work = worker(&first, &[]);
    wait_lines(&begun, 1);
    wait_until("it is recorded", || status(&first, &ids[0]) == "running");
    assert!(first.kill_all() > 0);
    let _killed = work.wait();
    database.run("UPDATE hostledger_owner SET mark = 'another'");
    assert_eq!(owners(&second)["found"], "1 alive, 0 dead", "seen just now");
    database.run("UPDATE hostledger_owner SET seen_at = now() - interval '1 hour'");
    let told = owners(&second);
    let found = told["found"].as_str().unwrap();
    assert!(
        found.starts_with("0 alive, 0 dead, out of reach: "),
        "{found}"
    );
    assert!(found.contains(first.data().to_str().unwrap()), "{found}");
    second.run(["cleanup"]).expect_code(0);
    assert_eq!(status(&second, &ids[0]), "running");
    database.run("UPDATE machine_process SET retry_at = now() - interval '1 second'");
    second.run(["cleanup"]).expect_code(0);
    assert_eq!(record(&second, &ids[0])["outcome"], "lost");
    // Nobody waits for it for ever.
    let told = owners(&second);
    assert!(told["found"].as_str().unwrap().contains("out of reach"));
    database.run("UPDATE hostledger_owner SET seen_at = now() - interval '31 days'");
    second.run(["cleanup"]).expect_code(0);
    assert_eq!(owners(&second)["found"], "0 alive, 0 dead");
}

/// As in another container, pids and all, of whose `run` is only heard.
#[test]
fn whoever_was_heard_of_keeps_what_it_has_beyond_the_lease() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let [first, second] = of_a_server(&database);
    let run = Background::start(&first, &format!("{UNTIL_GO}; exit 6"));
    database.run("UPDATE hostledger_owner SET mark = 'another'");
    database.run(
        "UPDATE machine_process SET pid_namespace = 1, retry_at = now() - interval '1 second'",
    );
    second.run(["cleanup"]).expect_code(0);
    assert_eq!(status(&second, &run.id), "running");
    run.go();
    run.run.wait().expect_code(6);
    let process = record(&second, &run.id);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&json!("exited"), &json!(6))
    );
}

/// `run` too.
#[test]
fn whoever_supervises_something_on_a_server_says_that_it_lives() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let [on_server, _] = of_a_server(&database);
    for (ledger, beats) in [(on_server, true), (Ledger::new(), false)] {
        let run = Background::start(&ledger, UNTIL_GO);
        let is_heart = |thread: PathBuf| {
            // Cut to 15 bytes; a thread that has just ended has no name.
            fs::read_to_string(thread.join("comm")).is_ok_and(|name| name == "hostledger-hear\n")
        };
        let beating = || {
            let threads = fs::read_dir(format!("/proc/{}/task", run.run.pid())).unwrap();
            threads.map(|it| it.unwrap().path()).any(is_heart)
        };
        if beats {
            wait_until("it says that it lives", beating);
        } else {
            assert!(!beating(), "its lock says so");
        }
        run.go();
        run.run.wait().expect_code(0);
    }
}

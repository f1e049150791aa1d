//! Workers: what is queued is run, in order, once, whatever becomes of the workers.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use hostledger_tests::{Ledger, Signal, Started, kill_keeper_of, wait_until};
use serde_json::{Value, json};

use crate::background::record;

/// Queues commands for `sh -c`, all at once; gives their ids.
pub(crate) fn submit(ledger: &Ledger, scripts: &[String], more: &Value) -> Vec<String> {
    let line = |script: &String| {
        let mut line = json!({"cmd": ["sh", "-c", script]});
        let more = more.as_object().unwrap().clone();
        line.as_object_mut().unwrap().extend(more);
        format!("{line}\n")
    };
    let lines: String = scripts.iter().map(line).collect();
    let queued = ledger.command(["submit", "-"]).input(lines).output();
    let queued = queued.expect_code(0);
    let ids = queued.stdout_text().lines();
    ids.map(str::to_owned).collect()
}

pub(crate) fn append(file: &Path, text: &str) -> String {
    format!("echo {text} >> {}", file.display())
}

pub(crate) fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until a file has this many lines.
#[track_caller]
pub(crate) fn wait_lines(file: &Path, count: usize) {
    wait_until(&format!("{} has {count} lines", file.display()), || {
        lines(file).len() >= count
    });
}

pub(crate) fn status(ledger: &Ledger, id: &str) -> String {
    record(ledger, id)["status"].as_str().unwrap().to_owned()
}

pub(crate) fn worker(ledger: &Ledger, arguments: &[&str]) -> Started {
    ledger.command(["work"]).args(arguments).start()
}

/// Waits until a worker has nothing to do, and holds no lock of the database.
pub(crate) fn wait_asleep(work: &Started) {
    let pid = work.pid().cast_signed();
    wait_until("it sleeps for a while without waking", || {
        let before = crate::idle::sleeps(pid);
        thread::sleep(crate::idle::A_WHILE);
        crate::idle::sleeps(pid) == before
    });
}

/// A script that says that it runs and waits until a file is there.
pub(crate) fn until(go: &Path, begun: &Path, code: i32) -> String {
    format!(
        "echo $$ >> {}; until [ -e {} ]; do sleep 0.01; done; exit {code}",
        begun.display(),
        go.display()
    )
}

#[test]
fn drains_what_is_due_and_leaves_what_is_due_later() {
    let ledger = Ledger::new();
    let file = ledger.path("ran");
    let scripts: Vec<_> = (0..200)
        .map(|number| format!("{}; exit {}", append(&file, "x"), number % 3))
        .collect();
    let ids = submit(&ledger, &scripts, &json!({}));
    let later = submit(
        &ledger,
        &[append(&file, "later")],
        &json!({"retry_at": "2099-01-01T00:00:00Z"}),
    );
    let drained = ledger.run(["work", "--once", "--jobs", "8"]).expect_code(0);
    assert_eq!(drained.stdout_text(), "67 succeeded, 133 failed\n");
    assert_eq!(lines(&file), vec!["x"; 200]);
    for (number, process) in ledger.processes().iter().take(200).enumerate() {
        assert_eq!(process["id"], ids[number].as_str());
        assert_eq!(process["exit_code"], number % 3, "{process:#}");
        assert_eq!(process["outcome"], "exited");
    }
    assert_eq!(status(&ledger, &later[0]), "queued");
    let quiet = ledger.run(["work", "--once", "--quiet"]).expect_code(0);
    assert_eq!(quiet.stdout_text(), "");
}

#[test]
fn starts_in_the_order_of_what_is_due() {
    let ledger = Ledger::new();
    let file = ledger.path("order");
    let script = |number: usize| append(&file, &number.to_string());
    let in_seconds = |seconds: u32| {
        let when = format!("+{seconds} seconds");
        let date = ledger
            .other("date")
            .args(["-u", "-d", &when, "+%FT%TZ"])
            .output();
        json!({"retry_at": date.expect_code(0).stdout_text().trim_end()})
    };
    let late = (0..40).map(script).collect::<Vec<_>>();
    submit(&ledger, &late, &in_seconds(4));
    let early = (40..50).map(script).collect::<Vec<_>>();
    submit(&ledger, &early, &in_seconds(2));
    thread::sleep(Duration::from_secs(4));
    ledger.run(["work", "--once", "--jobs", "1"]).expect_code(0);
    let expected = (40..50).chain(0..40).map(|number| number.to_string());
    assert_eq!(lines(&file), expected.collect::<Vec<_>>());
}

#[test]
fn prints_the_record_of_each_as_it_ends() {
    let ledger = Ledger::new();
    let scripts = ["exit 0".to_owned(), "exit 3".to_owned()];
    let ids = submit(&ledger, &scripts, &json!({}));
    let records = ledger.json(["work", "--once", "--jobs", "1"]);
    let codes = records
        .iter()
        .map(|it| (it["id"].as_str().unwrap(), it["exit_code"].clone()));
    assert_eq!(
        codes.collect::<Vec<_>>(),
        [(ids[0].as_str(), json!(0)), (ids[1].as_str(), json!(3))]
    );
}

#[test]
fn a_failure_is_tried_again_with_a_history_and_logs_of_its_own() {
    let ledger = Ledger::new();
    let tried = ledger.path("tried");
    let script = format!(
        "{}; n=$(wc -l < {}); echo attempt $n; [ $n -ge 3 ] || exit $n",
        append(&tried, "x"),
        tried.display()
    );
    let ids = submit(&ledger, &[script], &json!({"max_attempts": 5}));
    let mut work = worker(&ledger, &["--jobs", "2"]);
    wait_until("it has succeeded", || status(&ledger, &ids[0]) == "exited");
    work.signal(Signal::TERM);
    work.close_input();
    work.wait().expect_code(0);
    let process = record(&ledger, &ids[0]);
    assert_eq!(
        (&process["exit_code"], &process["attempt"]),
        (&json!(0), &json!(3))
    );
    let shown = &ledger.json(["show", &ids[0]])[0];
    let codes: Vec<_> = shown["earlier_attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["exit_code"])
        .collect();
    assert_eq!(codes, [1, 2]);
    for attempt in 1..=3 {
        let name = format!("{}.{attempt}.stdout.log", ids[0].replace('-', ""));
        let log = fs::read_to_string(ledger.data().join("processes").join(name)).unwrap();
        assert_eq!(log, format!("attempt {attempt}\n"));
    }
    assert_eq!(
        ledger.run(["logs", &ids[0]]).expect_code(0).stdout_text(),
        "attempt 3\n"
    );
}

#[test]
fn what_cannot_be_started_says_why() {
    let ledger = Ledger::new();
    let lines = format!(
        "{}\n{}\n",
        json!({"cmd": ["/nonexistent/program"]}),
        json!({"cmd": ["true"], "pwd": "/nonexistent"})
    );
    let queued = ledger.command(["submit", "-"]).input(lines).output();
    queued.expect_code(0);
    ledger.run(["work", "--once"]).expect_code(0);
    let processes = ledger.processes();
    assert_eq!(processes[0]["exit_code"], 127);
    for process in &processes {
        assert_eq!(process["outcome"], "spawn_failed", "{process:#}");
    }
}

#[test]
fn two_at_once_run_each_job_once() {
    let ledger = Ledger::new();
    let file = ledger.path("ran");
    let scripts: Vec<_> = (0..300)
        .map(|number| append(&file, &number.to_string()))
        .collect();
    submit(&ledger, &scripts, &json!({}));
    let workers = [(); 2].map(|()| worker(&ledger, &["--once", "--jobs", "4"]));
    for worker in workers {
        worker.wait().expect_code(0);
    }
    let mut ran: Vec<usize> = lines(&file).iter().map(|it| it.parse().unwrap()).collect();
    ran.sort_unstable();
    assert_eq!(ran, (0..300).collect::<Vec<_>>());
    assert!(ledger.processes().iter().all(|it| it["exit_code"] == 0));
}

#[test]
fn hears_of_what_is_queued_while_it_sleeps_and_of_what_becomes_due() {
    let ledger = Ledger::new();
    let file = ledger.path("ran");
    let work = worker(&ledger, &[]);
    for number in 1..=3 {
        submit(&ledger, &[append(&file, "x")], &json!({}));
        wait_lines(&file, number);
    }
    let in_a_second = ledger.run([
        "submit",
        "--in",
        "1s",
        "--",
        "sh",
        "-c",
        &append(&file, "y"),
    ]);
    in_a_second.expect_code(0);
    wait_lines(&file, 4);
    work.signal(Signal::TERM);
    work.wait().expect_code(0);
}

#[test]
fn sleeps_while_nothing_happens() {
    let ledger = Ledger::new();
    let (go, begun) = (ledger.path("go"), ledger.path("begun"));
    let script = format!("echo $$ > {}; exec sleep 60", begun.display());
    let ids = submit(&ledger, &[script], &json!({}));
    submit(
        &ledger,
        &["true".to_owned()],
        &json!({"retry_at": "2099-01-01T00:00:00Z"}),
    );
    let work = worker(&ledger, &["--on-exit", "stop"]);
    wait_until("it runs", || status(&ledger, &ids[0]) == "running");
    wait_asleep(&work);
    assert!(!go.exists());
    work.signal(Signal::TERM);
    work.wait().expect_code(0);
    assert_eq!(record(&ledger, &ids[0])["outcome"], "killed");
}

#[test]
fn on_sigterm_what_runs_is_left_and_what_was_not_started_is_given_back() {
    let ledger = Ledger::new();
    let (go, begun) = (ledger.path("go"), ledger.path("begun"));
    let ids = submit(&ledger, &vec![until(&go, &begun, 7); 9], &json!({}));
    let work = worker(&ledger, &["--jobs", "2"]);
    wait_lines(&begun, 2);
    wait_until("both are recorded", || {
        ids[..2].iter().all(|id| status(&ledger, id) == "running")
    });
    work.signal(Signal::TERM);
    let ended = work.wait().expect_code(0);
    let said = ended.stdout_text();
    assert!(said.contains("2 left running"), "{said}");
    for id in &ids[..2] {
        let process = record(&ledger, id);
        assert_eq!(
            (&process["status"], &process["detached"]),
            (&json!("running"), &json!(true))
        );
    }
    for id in &ids[2..] {
        assert_eq!(status(&ledger, id), "queued");
    }
    fs::write(&go, "").unwrap();
    for id in &ids[..2] {
        ledger.run(["wait", id]).expect_code(7);
    }
    ledger.run(["work", "--once", "--jobs", "8"]).expect_code(0);
    assert_eq!(lines(&begun).len(), 9, "each once");
    assert!(ledger.processes().iter().all(|it| it["exit_code"] == 7));
}

#[test]
fn on_sigterm_what_runs_is_stopped_when_that_is_wanted() {
    let ledger = Ledger::new();
    let begun = ledger.path("begun");
    let script = format!("echo x >> {}; exec sleep 60", begun.display());
    let ids = submit(&ledger, &vec![script; 3], &json!({"max_attempts": 9}));
    let work = worker(&ledger, &["--jobs", "2", "--on-exit", "stop"]);
    wait_lines(&begun, 2);
    work.signal(Signal::TERM);
    work.wait().expect_code(0);
    for id in &ids[..2] {
        let process = record(&ledger, id);
        assert_eq!(
            (&process["outcome"], &process["exit_code"]),
            (&json!("killed"), &json!(143))
        );
    }
    assert_eq!(status(&ledger, &ids[2]), "queued");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let ledger = Ledger::new();
    let begun = ledger.path("begun");
    let script = format!("trap '' TERM; echo x >> {}; sleep 60", begun.display());
    submit(&ledger, &[script], &json!({}));
    let work = worker(&ledger, &["--on-exit", "stop"]);
    wait_lines(&begun, 1);
    work.signal(Signal::TERM);
    wait_until("the stop is recorded", || {
        !ledger.process()["stop"].is_null()
    });
    work.signal_if_alive(Signal::TERM);
    work.wait().expect_code(143);
    ledger
        .run(["kill", "--tree", "--grace", "0s", &ledger.last_id()])
        .expect_code(0);
    ledger.run(["wait", &ledger.last_id()]).expect_code(137);
}

#[test]
fn what_a_killed_worker_has_left_is_finished_by_the_next_with_true_codes() {
    let ledger = Ledger::new();
    let (go, begun) = (ledger.path("go"), ledger.path("begun"));
    let ids = submit(&ledger, &vec![until(&go, &begun, 7); 12], &json!({}));
    let first = worker(&ledger, &["--jobs", "3"]);
    wait_lines(&begun, 3);
    first.signal(Signal::KILL);
    let _killed = first.wait();
    let second = worker(&ledger, &["--once", "--jobs", "4"]);
    wait_lines(&begun, 4);
    fs::write(&go, "").unwrap();
    second.wait().expect_code(0);
    for id in &ids {
        let process = record(&ledger, id);
        assert_eq!(
            (&process["exit_code"], &process["outcome"]),
            (&json!(7), &json!("exited"))
        );
    }
    assert_eq!(lines(&begun).len(), 12, "each once");
}

#[test]
fn a_worker_takes_over_when_another_one_dies_beside_it() {
    let ledger = Ledger::new();
    let (go, begun) = (ledger.path("go"), ledger.path("begun"));
    let ids = submit(
        &ledger,
        &vec![until(&go, &begun, 7); 2],
        &json!({"max_attempts": 2}),
    );
    let first = worker(&ledger, &["--jobs", "2"]);
    wait_lines(&begun, 2);
    let second = worker(&ledger, &[]);
    first.signal(Signal::KILL);
    let _killed = first.wait();
    fs::write(&go, "").unwrap();
    wait_until("both were tried again", || {
        ids.iter().all(|id| {
            let process = record(&ledger, id);
            process["status"] == "exited" && process["attempt"] == 2
        })
    });
    assert_eq!(lines(&begun).len(), 4);
    second.signal(Signal::TERM);
    second.wait().expect_code(0);
}

#[test]
fn when_worker_and_keeper_are_killed_what_has_ended_unseen_is_lost_and_tried_again_if_asked() {
    let ledger = Ledger::new();
    let begun = ledger.path("begun");
    let script = format!(
        "echo $$ >> {}; [ $(wc -l < {}) -ge 2 ] || sleep 60",
        begun.display(),
        begun.display()
    );
    let queued = ledger.command(["submit", "--retry-lost", "--max-attempts", "2", "--"]);
    let queued = queued.args(["sh", "-c", &script]).output().expect_code(0);
    let ids = [queued.stdout_text().trim_end().to_owned()];
    let first = worker(&ledger, &[]);
    wait_lines(&begun, 1);
    wait_until("it is recorded", || status(&ledger, &ids[0]) == "running");
    let pid: i32 = lines(&begun)[0].parse().unwrap();
    first.stop();
    kill_keeper_of(pid);
    first.signal(Signal::KILL);
    let _killed = first.wait();
    assert!(ledger.kill_all() > 0);
    ledger.run(["work", "--once"]).expect_code(0);
    wait_until("it is tried again", || {
        ledger.run(["work", "--once"]).expect_code(0);
        status(&ledger, &ids[0]) == "exited"
    });
    let process = record(&ledger, &ids[0]);
    assert_eq!(
        (&process["attempt"], &process["exit_code"]),
        (&json!(2), &json!(0))
    );
}

#[test]
fn full_durability_loses_nothing_either() {
    let ledger = Ledger::new();
    submit(&ledger, &vec!["exit 5".to_owned(); 20], &json!({}));
    ledger
        .run(["work", "--once", "--durability", "full"])
        .expect_code(0);
    assert!(ledger.processes().iter().all(|it| it["exit_code"] == 5));
}

#[test]
fn a_stopped_worker_holds_up_nobody() {
    let ledger = Ledger::new();
    let file = ledger.path("ran");
    let stopped = worker(&ledger, &["--jobs", "1"]);
    submit(&ledger, &[append(&file, "x")], &json!({}));
    wait_lines(&file, 1);
    wait_asleep(&stopped);
    stopped.stop();
    submit(&ledger, &vec![append(&file, "y"); 5], &json!({}));
    ledger.run(["work", "--once"]).expect_code(0);
    assert_eq!(lines(&file).len(), 6);
    stopped.signal(Signal::CONT);
    stopped.signal(Signal::TERM);
    stopped.wait().expect_code(0);
    assert_eq!(lines(&file).len(), 6);
}

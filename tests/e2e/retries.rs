//! `run --retries`: what fails is tried again by whoever runs it.

use std::fs;

use hostledger_tests::{Ledger, Signal, Started, wait_until};
use serde_json::{Value, json};

use crate::background::{UNTIL_GO, record};
use crate::detached::detach;

/// A script that says which attempt it is, by the lines of a file, and succeeds at this one.
fn succeeds_at(attempt: u32) -> String {
    format!(
        "echo $WHO:$API_TOKEN >> tried; n=$(wc -l < tried); echo out $n; echo err $n >&2
         [ $n -ge {attempt} ] || exit $n"
    )
}

fn tried(ledger: &Ledger) -> Vec<String> {
    let text = fs::read_to_string(ledger.path("tried")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn retrying(ledger: &Ledger, options: &[&str], script: &str) -> Started {
    let run = ledger.command(["run"]).args(options);
    run.args(["--", "sh", "-c", script]).start()
}

/// Waits until it has failed and is not run again yet, or a later attempt.
#[track_caller]
fn wait_failed(ledger: &Ledger) -> Value {
    wait_until("an attempt has failed", || {
        let row = ledger.processes().pop();
        row.is_some_and(|row| row["attempt"].as_u64() >= Some(2))
    });
    ledger.process()
}

#[test]
fn the_output_of_each_attempt_passes_and_the_code_is_that_of_the_last() {
    let ledger = Ledger::new();
    let run = retrying(&ledger, &["--retries", "4"], &succeeds_at(3));
    let ended = run.wait().expect_code(0);
    assert_eq!(ended.stdout_text(), "out 1\nout 2\nout 3\n");
    let said = ended.stderr_text();
    assert!(
        said.contains("err 1\n") && said.contains("err 3\n"),
        "{said}"
    );
    assert!(said.contains("attempt 3 of 5"), "{said}");
    let shown = &ledger.json(["show", &ledger.last_id()])[0];
    assert_eq!(
        (&shown["attempt"], &shown["exit_code"], &shown["status"]),
        (&json!(3), &json!(0), &json!("exited"))
    );
    let earlier = shown["earlier_attempts"].as_array().unwrap().iter();
    let codes: Vec<_> = earlier.map(|it| &it["exit_code"]).collect();
    assert_eq!(codes, [1, 2]);

    let all = retrying(&ledger, &["--retries", "1", "--quiet"], "echo x; exit 7");
    let all = all.wait().expect_code(7);
    assert_eq!((all.stdout_text(), all.stderr_text()), ("x\nx\n", ""));
}

#[test]
fn each_attempt_but_the_first_is_announced_once_however_fast_they_fail() {
    let ledger = Ledger::new();
    let run = ledger.command(["run", "--retries", "2", "--", "false"]);
    let ended = run.output().expect_code(1);
    let said: Vec<_> = ended.stderr_text().lines().collect();
    let expected = [2, 3].map(|attempt| format!("it has failed: attempt {attempt} of 3"));
    assert_eq!(said.len(), 2, "{said:?}");
    for (line, expected) in said.iter().zip(&expected) {
        assert!(line.ends_with(expected), "{said:?}");
    }
}

#[test]
fn each_attempt_has_its_own_timeout_and_its_own_logs() {
    let ledger = Ledger::new();
    let options = ["--retries", "1", "--timeout", "300ms"];
    let run = retrying(&ledger, &options, "echo begun; exec sleep 60");
    assert_eq!(run.wait().expect_code(124).stdout_text(), "begun\nbegun\n");
    let shown = &ledger.json(["show", &ledger.last_id()])[0];
    assert_eq!(shown["earlier_attempts"][0]["outcome"], "timed_out");
    assert_eq!(shown["outcome"], "timed_out");
    let logs = fs::read_dir(ledger.data().join("processes")).unwrap();
    assert_eq!(logs.count(), 4);
}

#[test]
fn a_signal_ends_it_for_good_while_it_runs() {
    let ledger = Ledger::new();
    let run = retrying(&ledger, &["--retries", "9"], "echo ready; exec sleep 60");
    run.wait_stdout(b"ready\n");
    run.signal(Signal::TERM);
    run.wait().expect_code(143);
    let process = ledger.process();
    assert_eq!(
        (&process["outcome"], &process["attempt"]),
        (&json!("killed"), &json!(1))
    );
}

#[test]
fn a_signal_ends_it_for_good_between_two_attempts() {
    let ledger = Ledger::new();
    // It fails at once: mostly it waits for its next attempt.
    let run = retrying(&ledger, &["--retries", "99"], "exit 3");
    wait_failed(&ledger);
    run.signal(Signal::INT);
    let ended = run.wait();
    let process = ledger.process();
    assert_eq!(process["status"], "exited", "{process:#}");
    match process["outcome"].as_str() {
        Some("cancelled") => {
            assert_eq!(process["exit_code"], json!(null));
            ended.expect_code(130);
        }
        // It was hit when it just ran.
        outcome => assert_eq!(outcome, Some("killed"), "{process:#}"),
    }
}

#[test]
fn what_cannot_be_executed_is_not_tried_again() {
    let ledger = Ledger::new();
    for more in [&[][..], &["--detach"]] {
        let run = ledger.command(["run", "--retries", "3"]).args(more);
        let ended = run.args(["--", "/nonexistent"]).output().expect_code(127);
        assert!(ended.stderr_text().contains("no such program"));
    }
    for process in ledger.processes() {
        assert_eq!(process["outcome"], "spawn_failed", "{process:#}");
        assert_eq!(process["attempt"], 1, "{process:#}");
    }
}

#[test]
fn no_worker_beside_it_takes_an_attempt_away() {
    let ledger = Ledger::new();
    let worker = ledger.command(["work"]).env("WHO", "worker").start();
    let run = ledger.command(["run", "--retries", "4", "--env", "API_TOKEN=hunter2", "--"]);
    let run = run.args(["sh", "-c", &succeeds_at(4)]).env("WHO", "run");
    run.output().expect_code(0);
    assert_eq!(tried(&ledger), ["run:hunter2"; 4]);
    worker.signal(Signal::TERM);
    worker.wait().expect_code(0);
}

#[test]
fn when_whoever_runs_it_dies_a_worker_makes_the_next_attempt() {
    let ledger = Ledger::new();
    let script = format!("echo x >> tried; {UNTIL_GO}; exit 6");
    let run = retrying(&ledger, &["--retries", "1"], &script);
    wait_until("it runs", || {
        tried(&ledger).len() == 1
            && ledger
                .processes()
                .pop()
                .is_some_and(|it| it["status"] == "running")
    });
    run.signal(Signal::KILL);
    let _killed = run.wait();
    let worker = ledger.command(["work"]).start();
    fs::write(ledger.path("go"), "").unwrap();
    wait_until("the worker has made the next attempt", || {
        ledger.process()["status"] == "exited"
    });
    let process = ledger.process();
    assert_eq!(
        (&process["attempt"], &process["exit_code"]),
        (&json!(2), &json!(6))
    );
    assert_eq!(tried(&ledger).len(), 2);
    worker.signal(Signal::TERM);
    worker.wait().expect_code(0);
}

#[test]
fn when_whoever_runs_it_dies_between_two_attempts_a_worker_makes_the_next_one() {
    let ledger = Ledger::new();
    let run = retrying(
        &ledger,
        &["--retries", "99"],
        "echo x >> tried; [ -e go ] || exit 3",
    );
    wait_failed(&ledger);
    run.signal(Signal::KILL);
    let _killed = run.wait();
    fs::write(ledger.path("go"), "").unwrap();
    let worker = ledger.command(["work"]).start();
    wait_until("it has succeeded", || {
        ledger.process()["status"] == "exited"
    });
    let process = ledger.process();
    assert_eq!(process["exit_code"], 0, "{process:#}");
    assert_eq!(process["attempt"], tried(&ledger).len(), "{process:#}");
    worker.signal(Signal::TERM);
    worker.wait().expect_code(0);
}

#[test]
fn in_the_background_it_is_tried_again_without_any_worker() {
    let ledger = Ledger::new();
    let id = detach(&ledger, &["--retries", "3"], &succeeds_at(3));
    ledger.run(["wait", &id]).expect_code(0);
    let process = record(&ledger, &id);
    assert_eq!(
        (&process["attempt"], &process["detached"]),
        (&json!(3), &json!(true))
    );
    wait_until("nobody stays behind", || ledger.alive().is_empty());

    let run = ["run", "--detach", "--retries", "1", "--json", "--", "true"];
    let told: Value = serde_json::from_slice(&ledger.run(run).expect_code(0).stdout).unwrap();
    let id = told["id"].as_str().unwrap();
    ledger.run(["wait", id]).expect_code(0);
}

#[test]
fn in_the_background_what_fails_at_once_is_told_as_well() {
    let ledger = Ledger::new();
    let run = || ledger.command(["run", "--detach", "--retries", "1", "--", "false"]);
    let runs: Vec<_> = (0..8).map(|_| run().start()).collect();
    for run in runs {
        let ended = run.wait().expect_code(0);
        let id = ended.stdout_text().trim();
        ledger.run(["wait", id]).expect_code(1);
        assert_eq!(record(&ledger, id)["attempt"], 2);
    }
}

#[test]
fn in_the_background_a_worker_goes_on_when_whoever_stayed_for_it_dies() {
    let ledger = Ledger::new();
    let script = format!("echo x >> tried; {UNTIL_GO}; exit 6");
    let id = detach(&ledger, &["--retries", "1"], &script);
    let stays = || {
        ledger
            .alive()
            .into_iter()
            .find(|it| it.contains("--attendant"))
    };
    let pid = stays().expect("somebody stays for it");
    let pid = pid.split(' ').next().unwrap();
    ledger
        .other("kill")
        .args(["-KILL", pid])
        .output()
        .expect_code(0);
    wait_until("it is dead", || stays().is_none());
    assert_eq!(record(&ledger, &id)["status"], "running");
    fs::write(ledger.path("go"), "").unwrap();
    let worker = ledger.command(["work"]).start();
    wait_until("both attempts are made", || {
        record(&ledger, &id)["status"] == "exited"
    });
    assert_eq!(record(&ledger, &id)["attempt"], 2);
    assert_eq!(tried(&ledger).len(), 2);
    worker.signal(Signal::TERM);
    worker.wait().expect_code(0);
}

#[test]
fn a_program_on_the_terminal_is_not_tried_again() {
    let ledger = Ledger::new();
    let run = ledger.run(["run", "-t", "--retries", "1", "--", "true"]);
    assert!(run.expect_code(2).stderr_text().contains("--retries"));
}

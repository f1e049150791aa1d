//! Whoever reads our output may have had enough.

use std::io::{BufRead as _, BufReader, PipeReader, pipe};
use std::time::{Duration, Instant};

use hostledger_tests::{Invocation, Ledger, Output, Started, wait_until};
use serde_json::json;

/// Starts it with a pipe behind its standard output.
fn piped(command: Invocation) -> (Started, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    // The invocation goes with its start, and with it our copy of the writing end.
    (command.stdout(writer).start(), reader)
}

/// As `… | head -1`: reads a line and goes.
#[track_caller]
fn head(command: Invocation) -> (String, Output) {
    let (started, reader) = piped(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    (line, started.wait())
}

#[test]
fn a_program_ends_when_nobody_reads_any_more() {
    let ledger = Ledger::new();
    let begun = Instant::now();
    let (line, output) = head(ledger.command(["run", "--", "yes"]));
    assert_eq!(ledger.alive(), [""; 0], "nothing writes for nobody");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(line, "y\n");
    let output = output.expect_code(141);
    assert_eq!(output.stderr_text(), "", "a broken pipe is no error");
    let process = ledger.process();
    assert_eq!(process["status"], "exited");
    assert_eq!(process["exit_code"], 141, "{process}");
}

#[test]
fn a_program_that_ignores_the_broken_pipe_is_killed() {
    let ledger = Ledger::new();
    let script = "trap '' PIPE TERM INT HUP; while :; do echo y; sleep 0.01; done";
    let (line, output) = head(ledger.command(["run", "--", "sh", "-c", script]));
    assert_eq!(ledger.alive(), [""; 0]);
    assert_eq!(line, "y\n");
    output.expect_code(141);
    assert_eq!(ledger.process()["exit_code"], 137);
}

#[test]
fn a_program_whose_error_output_nobody_reads_ends_as_well() {
    let ledger = Ledger::new();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let run = ledger
        .command(["run", "--", "sh", "-c", "yes >&2"])
        .stderr(writer);
    run.output().expect_code(141);
    assert_eq!(ledger.alive(), [""; 0]);
}

#[test]
fn a_program_without_standard_output_behind_it_is_logged_all_the_same() {
    let ledger = Ledger::new();
    let closed = ledger
        .other("sh")
        .args(["-c", "exec \"$@\" >&- 2>&-", "sh"]);
    closed
        .arg(hostledger_tests::hostledger())
        .arg("--data")
        .arg(ledger.data())
        .args(["run", "--", "sh", "-c", "echo out; echo err >&2; exit 5"])
        .output()
        .expect_code(5);
    let logs = ledger.run(["logs", &ledger.last_id()]).expect_code(0);
    assert_eq!((logs.stdout_text(), logs.stderr_text()), ("out\n", "err\n"));
}

#[test]
fn a_list_that_nobody_reads_is_no_error() {
    let ledger = Ledger::new();
    ledger.sh("true").expect_code(0);
    for command in [
        &["ps", "--all", "--json"][..],
        &["ps", "--all"],
        &["export"],
        &["machine"],
        &["doctor", "--json"],
        &["completions", "bash"],
        &["--help"],
        &["run", "--help"],
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = ledger.command(command).stdout(writer).output();
        assert_eq!(output.expect_code(0).stderr_text(), "", "{command:?}");
    }
}

#[test]
fn the_first_line_of_a_list_can_be_had_alone() {
    let ledger = Ledger::new();
    for _ in 0..3 {
        ledger.sh("true").expect_code(0);
    }
    let (line, output) = head(ledger.command(["ps", "--all", "--json"]));
    assert_eq!(output.expect_code(0).stderr_text(), "");
    let first: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(first, ledger.processes()[0]);
}

/// Work goes on for a reader that does not read, and does not keep everything in memory for it.
#[test]
fn a_worker_does_not_wait_for_a_reader_of_its_records() {
    let ledger = Ledger::new();
    let jobs = 300;
    let scripts = vec!["true".to_owned(); jobs];
    crate::work::submit(&ledger, &scripts, &json!({}));
    let work = ledger.command(["work", "--once", "--json", "--jobs", "4", "--unread", "10"]);
    let (work, reader) = piped(work);
    wait_until("all has run though nobody reads", || {
        let processes = ledger.processes();
        processes
            .iter()
            .all(|process| process["status"] == "exited")
    });
    let printed = BufReader::new(reader).lines().count();
    let ended = work.wait().expect_code(0);
    let told = ended.stderr_text();
    let missing = jobs - printed;
    assert!(missing > 0, "a pipe and ten records hold no {jobs}");
    let expected = format!("{missing} records were not printed");
    assert!(told.contains(&expected), "{told}");
}

//! What a process wrote, afterwards.

use std::io::{BufRead as _, BufReader};

use hostledger_tests::{Ledger, Output, Signal, wait_until};

/// Both streams as text.
fn texts(output: &Output) -> (&str, &str) {
    (output.stdout_text(), output.stderr_text())
}

#[test]
fn each_stream_goes_where_it_went() {
    let ledger = Ledger::new();
    ledger.sh("echo out; echo err >&2").expect_code(0);
    let id = ledger.last_id();
    let logs = |options: &[&str]| {
        let command = ["logs", &id].into_iter().chain(options.iter().copied());
        ledger.run(command).expect_code(0)
    };
    assert_eq!(texts(&logs(&[])), ("out\n", "err\n"));
    assert_eq!(texts(&logs(&["--stdout"])), ("out\n", ""));
    assert_eq!(texts(&logs(&["--stderr"])), ("", "err\n"));
    ledger
        .run(["logs", &id, "--stdout", "--stderr"])
        .expect_code(2);
}

#[test]
fn the_last_lines_are_counted_as_tail_does() {
    let ledger = Ledger::new();
    ledger
        .sh("seq 1 50000; printf end; seq 1 3 >&2")
        .expect_code(0);
    let id = ledger.last_id();
    for (lines, out, err) in [
        ("0", "", ""),
        ("1", "end", "3\n"),
        ("3", "49999\n50000\nend", "1\n2\n3\n"),
        ("4", "49998\n49999\n50000\nend", "1\n2\n3\n"),
    ] {
        let logs = ledger.run(["logs", &id, "-n", lines]).expect_code(0);
        assert_eq!(texts(&logs), (out, err), "{lines}");
    }
    let all = ledger.run(["logs", &id, "-n", "99999999"]).expect_code(0);
    assert_eq!(all.stdout_text().lines().count(), 50_001);
}

#[test]
fn a_process_that_never_ran_has_written_nothing_and_says_why() {
    let ledger = Ledger::new();
    ledger.run(["run", "--", "/nonexistent"]).expect_code(127);
    let logs = ledger.run(["logs", &ledger.last_id()]).expect_code(0);
    assert_eq!(logs.stdout_text(), "");
    assert!(
        logs.stderr_text().contains("/nonexistent: no such program"),
        "{}",
        logs.report()
    );
}

#[test]
fn without_its_log_the_record_still_has_a_part() {
    let ledger = Ledger::new();
    ledger.sh("seq 1 50000; echo err >&2").expect_code(0);
    let id = ledger.last_id();
    let logs = ledger.data().join("processes");
    for log in std::fs::read_dir(&logs).unwrap() {
        std::fs::remove_file(log.unwrap().path()).unwrap();
    }
    let output = ledger.run(["logs", &id]).expect_code(0);
    let text = output.stdout_text();
    assert!(
        text.starts_with("1\n2\n") && text.ends_with("49999\n50000\n"),
        "beginning and end"
    );
    assert!(text.len() < 70_000, "{} bytes", text.len());
    assert_eq!(output.stderr_text(), "err\n");
}

#[test]
fn who_follows_a_queued_process_waits_as_long_as_somebody_reads() {
    let ledger = Ledger::new();
    let queue = ["submit", "--", "sh", "-c", "echo never"];
    let queued = ledger.run(queue).expect_code(0);
    let id = queued.stdout_text().trim_end().to_owned();
    let (reader, writer) = std::io::pipe().unwrap();
    let follow = ledger.command(["logs", "-f", &id]).stdout(writer).start();
    let other = ledger.command(["logs", "-f", &id]).start();
    wait_until("both wait", || !follow.has_ended() && !other.has_ended());
    // Nobody has to wait for what nobody reads.
    drop(reader);
    follow.wait().expect_code(0);
    assert!(!other.has_ended(), "it has not begun");
    other.signal(Signal::INT);
    other.wait().expect_signal(Signal::INT);
}

#[test]
fn who_follows_a_silent_program_ends_when_nobody_reads() {
    let ledger = Ledger::new();
    let id = crate::detached::detach(&ledger, &[], "echo line; exec sleep 60");
    let (reader, writer) = std::io::pipe().unwrap();
    let follow = ledger.command(["logs", "-f", &id]).stdout(writer).start();
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert_eq!(line, "line\n");
    // It writes nothing more, and goes on.
    follow.wait().expect_code(0);
    assert_eq!(ledger.json(["ps"]).len(), 1);
    ledger.run(["kill", "--tree", &id]).expect_code(0);
}

//! Output passes through live and byte for byte.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use hostledger_tests::{Ledger, wait_until};

use crate::background::Background;

/// Every byte there is, text that is not UTF-8, and no end of the last line.
fn odd_bytes() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.extend(b"\xc3\x28 \xf0\x9f\x92 \xed\xa0\x80\r\n\0\n\n");
    bytes.extend("ü€😀".as_bytes());
    bytes.extend(b"no end");
    bytes
}

#[test]
fn every_byte_passes_unchanged_and_is_logged_unchanged() {
    let ledger = Ledger::new();
    let bytes = odd_bytes();
    fs::write(ledger.path("odd"), &bytes).unwrap();
    let output = ledger.sh("cat odd; cat odd odd >&2").expect_code(0);
    assert_eq!(output.stdout, bytes);
    assert_eq!(output.stderr, [&bytes[..], &bytes].concat());

    let id = ledger.last_id();
    let logs = ledger.run(["logs", &id]).expect_code(0);
    assert_eq!(logs.stdout, output.stdout);
    assert_eq!(logs.stderr, output.stderr);
}

#[test]
fn output_can_go_into_a_file() {
    let ledger = Ledger::new();
    let bytes = odd_bytes();
    fs::write(ledger.path("odd"), &bytes).unwrap();
    let file = File::create(ledger.path("copy")).unwrap();
    ledger
        .command(["run", "--", "cat", "odd"])
        .stdout(file)
        .output()
        .expect_code(0);
    assert_eq!(fs::read(ledger.path("copy")).unwrap(), bytes);
}

#[test]
fn output_comes_before_the_line_ends_and_before_the_program_does() {
    let ledger = Ledger::new();
    let script = "printf a; while [ ! -e go ]; do sleep 0.02; done; printf b; printf c >&2";
    let run = ledger.command(["run", "--", "sh", "-c", script]).start();
    run.wait_stdout(b"a");
    assert!(!run.has_ended());
    fs::write(ledger.path("go"), "").unwrap();
    let output = run.wait().expect_code(0);
    assert_eq!((output.stdout_text(), output.stderr_text()), ("ab", "c"));
}

#[test]
fn twenty_megabytes_pass_quickly_and_do_not_swell_the_database() {
    const SIZE: usize = 20_000_000;
    let ledger = Ledger::new();
    let line = |number: usize| format!("{number:>15} {:?}\n", odd_bytes());
    let big: Vec<u8> = (0..)
        .flat_map(|number| line(number).into_bytes())
        .take(SIZE)
        .collect();
    fs::write(ledger.path("big"), &big).unwrap();
    let begun = Instant::now();
    let output = ledger.run(["run", "--", "cat", "big"]).expect_code(0);
    let took = begun.elapsed();
    // Not assert_eq: nobody wants to read that.
    assert!(output.stdout == big, "{} bytes came", output.stdout.len());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(ledger.process()["stdout_bytes"], SIZE);
    let database = fs::metadata(ledger.database()).unwrap().len();
    assert!(database < 1_000_000, "{database} bytes");
    let logs = ledger
        .run(["logs", &ledger.last_id(), "--stdout"])
        .expect_code(0);
    assert!(logs.stdout == big, "{} bytes were kept", logs.stdout.len());
}

#[test]
fn what_is_written_while_the_program_runs_can_be_read_by_others() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "echo more; echo errors >&2; exec sleep 60");
    wait_until("the log is complete", || {
        let logs = ledger.run(["logs", &run.id]).expect_code(0);
        (logs.stdout_text(), logs.stderr_text()) == ("ready\nmore\n", "errors\n")
    });
    run.end(&ledger);
}

#[test]
fn a_full_disk_behind_standard_output_is_told_and_the_program_is_accounted_for() {
    let ledger = Ledger::new();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let run = ledger
        .command(["run", "--", "sh", "-c", "echo lost; exit 3"])
        .stdout(full());
    run.output()
        .expect_refusal(125, &["No space left on device"]);
    let process = ledger.process();
    assert_eq!(
        (&process["exit_code"], &process["outcome"]),
        (&3.into(), &"exited".into())
    );
    let list = ledger.command(["ps", "--all", "--json"]).stdout(full());
    list.output()
        .expect_refusal(1, &["No space left on device"]);
}

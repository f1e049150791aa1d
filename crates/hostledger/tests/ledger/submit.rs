//! Commands that are queued, one by one and many at once.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use hostledger::{
    BATCH_LINES, LONGEST_LINE, Ledger, LedgerError, LineError, LinesError, Process, ProcessFilter,
    ProcessStatus, Timestamp,
};
use serde_json::{Value, json};

use crate::bench::Bench;

fn count(ledger: &Ledger) -> usize {
    ledger.all_processes().count()
}

/// Queues lines; the ids of those that were queued, and why that ended.
fn lines(ledger: &Ledger, lines: impl Read) -> (Vec<Process>, Option<LinesError>) {
    let mut queued = Vec::new();
    for batch in ledger.submit_lines(std::io::BufReader::new(lines)) {
        match batch {
            Ok(batch) => queued.extend(batch.iter().cloned()),
            Err(error) => return (queued, Some(error)),
        }
    }
    (queued, None)
}

#[test]
fn commands_are_queued_together_in_their_order() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let later: Timestamp = "2999-01-01T00:00:00Z".parse().unwrap();
    let commands = (0..5).map(|number| {
        let command = ledger.command("echo").arg(number.to_string()).name("n");
        command.max_attempts(3).retry_lost().due_at(later)
    });
    let queued = ledger.submit(commands).unwrap();
    let read = bench.again().processes(&ProcessFilter::default()).unwrap();
    assert_eq!(read.records, *queued);
    for (number, process) in queued.iter().enumerate() {
        assert_eq!(process.cmd, ["echo", &number.to_string()]);
        assert_eq!(process.status, ProcessStatus::Queued);
        assert_eq!((process.max_attempts, process.retry_lost), (3, true));
        assert_eq!(process.retry_at, Some(later));
        assert_eq!(process.timeout_ms, Some(120_000), "as of any builder");
    }
    assert_eq!(ledger.submit([]).unwrap().len(), 0);
}

#[test]
fn one_that_cannot_be_run_keeps_all_from_being_queued() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let commands = [ledger.command("true"), ledger.command("sh").arg("a\0b")];
    assert!(matches!(
        ledger.submit(commands),
        Err(LedgerError::Command(_))
    ));
    assert_eq!(count(ledger), 0);
}

#[test]
fn each_of_a_batch_gets_its_own_secrets_and_their_file_goes_with_the_last() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let commands = (0..3).map(|number| {
        let command = ledger.command("sh").args(["-c", "echo $API_KEY $PLAIN"]);
        command
            .env("API_KEY", format!("hunter{number}"))
            .env("PLAIN", number)
    });
    let queued = ledger.submit(commands).unwrap();
    let directory = ledger.data_dir().unwrap().join("secrets");
    let files = || fs::read_dir(&directory).unwrap().map(Result::unwrap);
    let modes: Vec<u32> = files()
        .map(|file| file.metadata().unwrap().permissions().mode() & 0o777)
        .collect();
    assert_eq!(modes, [0o600], "one for the batch, for nobody else");
    for (number, process) in queued.iter().enumerate() {
        assert_eq!(
            Value::Object(process.env.clone()),
            json!({"API_KEY": null, "PLAIN": number})
        );
        assert_eq!(files().count(), 1);
        let ended = ledger.launch(process.id).unwrap().wait().unwrap();
        assert_eq!(ended.stdout, format!("hunter{number} {number}\n"));
    }
    assert_eq!(files().count(), 0);
}

#[test]
fn a_line_says_what_it_wants_and_has_defaults_for_the_rest() {
    let bench = Bench::new();
    let input = r##"
        # a comment
        {"cmd":["a"]}
        {"cmd":["b"],"pwd":"sub","env":{"X":"y"},"timeout":"1.5s","max_attempts":2,"retry_at":"2999-01-01T00:00:00Z","name":"n"}"##;
    let (queued, error) = lines(&bench.ledger, input.as_bytes());
    assert!(error.is_none(), "{error:?}");
    let here = std::env::current_dir().unwrap().display().to_string();
    let [a, b] = &queued[..] else {
        panic!("{queued:?}")
    };
    assert_eq!(
        (a.cmd.as_slice(), &a.pwd, a.timeout_ms),
        (&["a".to_owned()][..], &here, None)
    );
    assert_eq!(
        a.interface_id,
        Some(bench.ledger.current_interface(false).unwrap().id)
    );
    assert_eq!(
        (b.pwd.as_str(), b.timeout_ms),
        (&*format!("{here}/sub"), Some(1500))
    );
    assert_eq!((b.max_attempts, b.name.as_deref()), (2, Some("n")));
    assert_eq!(b.retry_at, "2999-01-01T00:00:00Z".parse().ok());
    assert_eq!(b.env["X"], "y");
}

#[test]
fn a_bad_line_takes_its_batch_with_it_and_no_other() {
    let bench = Bench::new();
    let mut input: Vec<String> = (0..BATCH_LINES * 2)
        .map(|number| format!("{{\"cmd\":[\"echo\",\"{number}\"]}}"))
        .collect();
    let bad = BATCH_LINES + 7;
    input[bad] = "{\"cmd\":[\"echo\"],\"timeuot\":5}".to_owned();
    let (queued, error) = lines(&bench.ledger, input.join("\n").as_bytes());
    assert_eq!(
        (queued.len(), count(&bench.ledger)),
        (BATCH_LINES, BATCH_LINES)
    );
    let Some(LinesError::Line {
        line,
        first,
        queued,
        source,
    }) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!((line, queued), (bad as u64 + 1, BATCH_LINES as u64));
    assert_eq!(first, BATCH_LINES as u64 + 1);
    assert!(hostledger::model::with_causes(&*source).contains("timeuot"));
    let secrets = bench.ledger.data_dir().unwrap().join("secrets");
    assert!(!secrets.exists());
}

#[test]
fn what_is_no_line_of_json_is_refused() {
    let bench = Bench::new();
    let refused = |input: &[u8]| match lines(&bench.ledger, input).1 {
        Some(LinesError::Line { source, .. }) => *source,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        refused(b"{\"cmd\":[\"\xff\"]}"),
        LineError::NotUtf8(_)
    ));
    assert!(matches!(refused(b"ls -l"), LineError::Request(_)));
    assert!(matches!(
        refused(b"{\"cmd\":[\"x\"],\"pwd\":\"\"}"),
        LineError::Command(_)
    ));
    let endless = std::io::repeat(b'x');
    let (queued, error) = lines(&bench.ledger, endless);
    assert!(queued.is_empty());
    let Some(LinesError::Line { source, .. }) = error else {
        panic!("{error:?}")
    };
    assert!(matches!(*source, LineError::TooLong));
    // One that is as long as it may be.
    let argument = "x".repeat(LONGEST_LINE - 12);
    let long = format!("{{\"cmd\":[\"{argument}\"]}}");
    assert_eq!(long.len(), LONGEST_LINE);
    assert_eq!(lines(&bench.ledger, long.as_bytes()).0.len(), 1);
}

#[test]
fn a_failure_to_read_is_no_end_of_the_input() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("a disk that fails"))
        }
    }
    let bench = Bench::new();
    let input = "{\"cmd\":[\"x\"]}\n".as_bytes().chain(Broken);
    let (queued, error) = lines(&bench.ledger, input);
    assert!(queued.is_empty() && count(&bench.ledger) == 0);
    assert!(matches!(
        error,
        Some(LinesError::Read {
            line: 1,
            first: 1,
            queued: 0,
            ..
        })
    ));
}

#[test]
fn a_command_that_is_due_later_is_not_launched_before() {
    let bench = Bench::new();
    let due = hostledger::Timestamp::now().saturating_add(chrono::TimeDelta::hours(1));
    let queued = bench.ledger.command("true").due_at(due).create().unwrap();
    assert_eq!(queued.retry_at, Some(due));
    let refused = bench.ledger.launch(queued.id);
    assert!(matches!(refused, Err(LedgerError::NotLaunchable { .. })));
    let waited = bench.ledger.wait(queued.id, Some(Duration::ZERO)).unwrap();
    assert_eq!(waited, None);
}

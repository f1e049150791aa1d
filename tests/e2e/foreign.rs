//! Another program's database: read, shown, exported, and left as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hostledger_tests::{Invocation, Ledger, json_lines};
use serde_json::Value;

use crate::namespace;

/// Written by ArchiveBox 0.9.31rc1.
const SAMPLE: &[u8] = include_bytes!("../fixtures/archivebox.sqlite3");

/// A value of a variable in it.
const SECRET: &str = "hunter2";

/// A copy of the sample, alone in a directory.
struct Sample {
    ledger: Ledger,
    directory: PathBuf,
    file: PathBuf,
    url: String,
}

impl Sample {
    fn new() -> Self {
        let ledger = Ledger::new();
        let directory = ledger.path("theirs");
        fs::create_dir(&directory).unwrap();
        let file = directory.join("index.sqlite3");
        fs::write(&file, SAMPLE).unwrap();
        let url = format!("sqlite:{}", file.display());
        Self {
            ledger,
            directory,
            file,
            url,
        }
    }

    fn command(&self, arguments: &[&str]) -> Invocation {
        self.ledger
            .command(["--database", &self.url])
            .args(arguments)
    }

    /// Nothing has been written: not into it, not beside it, and no ledger was made.
    #[track_caller]
    fn assert_untouched(&self) {
        assert!(
            fs::read(&self.file).unwrap() == SAMPLE,
            "its bytes have changed"
        );
        let beside: Vec<_> = fs::read_dir(&self.directory)
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        assert_eq!(beside, ["index.sqlite3"]);
        assert!(!self.ledger.data().exists(), "a data directory was made");
    }
}

/// Whether any object within has this key.
fn has_key(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| key == wanted || has_key(value, wanted)),
        Value::Array(values) => values.iter().any(|value| has_key(value, wanted)),
        _ => false,
    }
}

#[track_caller]
fn assert_complete(export: &hostledger_tests::Output) {
    assert!(
        !export.stdout_text().contains(SECRET),
        "a value of a variable is exported"
    );
    assert_eq!(export.stderr_text(), "");
    let records = json_lines(&export.stdout);
    let count = |types: &[&str]| {
        let of_type = |record: &&Value| types.contains(&record["type"].as_str().unwrap());
        records.iter().filter(of_type).count()
    };
    assert_eq!(count(&["Machine"]), 3);
    assert_eq!(count(&["NetworkInterface"]), 2);
    assert_eq!(count(&["Binary"]), 2);
    assert_eq!(count(&["BinaryRequest"]), 1);
    assert_eq!(count(&["Process"]), 9);
    assert_eq!(records.len(), 17);
    for record in &records {
        assert!(!has_key(record, "env"), "{record}");
    }
}

#[test]
fn every_record_is_exported_without_variables_and_the_file_stays_as_it_is() {
    let sample = Sample::new();
    let export = sample.command(&["export"]).output().expect_code(0);
    assert_complete(&export);
    sample.assert_untouched();
    // Without a word of where a ledger is, none is made in the home either.
    let bare = sample
        .ledger
        .bare_command(["--database", &sample.url, "export"]);
    assert_eq!(bare.output().expect_code(0).stdout, export.stdout);
    assert!(!sample.ledger.path("../home/.local").exists());
    sample.assert_untouched();
}

#[test]
fn what_stands_in_it_is_exported_as_it_is() {
    let sample = Sample::new();
    let records = json_lines(&sample.command(&["export"]).output().expect_code(0).stdout);
    let find = |id: &str| records.iter().find(|record| record["id"] == id).unwrap();
    let hook = find("06b023a7-0279-7eff-8000-be362ee6a5eb");
    assert_eq!(hook["exit_code"], 3);
    assert_eq!(hook["cmd"][3], "--url=https://example.com/?a=1&b=\"2\"");
    assert_eq!(hook["cmd"][2].as_str().unwrap().matches("wärn").count(), 1);
    assert_eq!(hook["timeout"], 10);
    assert_eq!(hook["started_at"], "2026-11-22T00:42:23.210000Z");
    assert_eq!(hook["parent_id"], "06b023a7-026f-7310-8000-77b671566dfe");
    assert_eq!(hook["process_type"], "hook");
    let request = find("06b023a7-0258-712e-8000-e4978df135a9");
    assert_eq!(request["overrides"]["ünï"], "✓ \"q\" \\ \n");
    let interface = find("06b023a7-0246-7d9e-8000-deb5f053be2b");
    assert_eq!(
        (&interface["city"], &interface["ip_public"]),
        (&"Zürich".into(), &"2001:db8::1".into())
    );
    let machine = find("06b023a7-022f-7e02-8000-0e2ab4fbcc6d");
    assert_eq!(
        machine["guid"],
        "bccc288494bf09a8f1445ea40ba6a6d60be7300f6f2fe98b5b2828cae983a33a"
    );
    let queued = find("06b023a7-1940-7e38-8000-39592f2867c7");
    assert_eq!(
        (&queued["status"], &queued["exit_code"]),
        (&"queued".into(), &Value::Null)
    );
    assert_eq!(queued["cmd"], serde_json::json!([]));
}

#[test]
fn the_exit_code_that_stands_for_killed_is_read_as_137() {
    let sample = Sample::new();
    let id = "06b023a7-1945-759b-8000-72e183653d5f";
    let shown = json_lines(
        &sample
            .command(&["show", id, "--json"])
            .output()
            .expect_code(0)
            .stdout,
    );
    assert_eq!(shown[0]["exit_code"], 137);
    sample.assert_untouched();
}

#[test]
fn it_can_be_listed_and_shown() {
    let sample = Sample::new();
    let all = json_lines(
        &sample
            .command(&["ps", "--all", "--json"])
            .output()
            .expect_code(0)
            .stdout,
    );
    assert_eq!(all.len(), 9);
    let times: Vec<_> = all
        .iter()
        .map(|process| process["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        times[0], "06b023a7-1945-759b-8000-72e183653d5f",
        "oldest first, by what was recorded"
    );
    let running = json_lines(
        &sample
            .command(&["ps", "--json"])
            .output()
            .expect_code(0)
            .stdout,
    );
    assert_eq!(running.len(), 1);
    let table = sample
        .command(&["ps", "--all", "--tree"])
        .output()
        .expect_code(0);
    assert_eq!(
        table.stdout_text().lines().count(),
        1 + 9,
        "{}",
        table.report()
    );
    assert!(
        table.stdout_text().contains("`- sleep 30"),
        "{}",
        table.report()
    );
    for (id, says) in [
        ("06b023a7-0279", "exit_code: 3"),
        ("06b023a7024b7b6d", "abspath: /usr/bin/wget"),
        ("06b023a70246", "city: Zürich"),
        ("06b023a7023c", "hostname: other-host"),
    ] {
        let shown = sample.command(&["show", id]).output().expect_code(0);
        assert!(shown.stdout_text().contains(says), "{}", shown.report());
        assert!(!shown.stdout_text().contains(SECRET), "{}", shown.report());
    }
    let logs = sample
        .command(&["logs", "06b023a7-0279"])
        .output()
        .expect_code(0);
    assert_eq!(
        logs.stdout_text(),
        "{\"type\":\"ArchiveResult\",\"status\":\"succeeded\"}\n"
    );
    assert_eq!(logs.stderr_text(), "wärn\n");
    sample.assert_untouched();
}

#[test]
fn an_export_can_be_narrowed() {
    let sample = Sample::new();
    let count = |options: &[&str]| {
        let export = sample
            .command(&["export"])
            .args(options)
            .output()
            .expect_code(0);
        json_lines(&export.stdout).len()
    };
    assert_eq!(count(&["--type", "Process"]), 9);
    assert_eq!(
        count(&["--type", "Machine", "--type", "NetworkInterface"]),
        5
    );
    assert_eq!(count(&["--since", "2999-01-01T00:00:00Z"]), 0);
    assert_eq!(
        count(&["--since", "2026-11-22T00:42:24Z", "--type", "Machine"]),
        2
    );
    sample
        .command(&["export", "--type", "Thing"])
        .output()
        .expect_refusal(2, &["Thing"]);
}

#[test]
fn nothing_is_recorded_in_it() {
    let sample = Sample::new();
    let run = sample.command(&["run", "--", "touch", "ran"]).output();
    run.expect_refusal(125, &["another program"]).expect_hint();
    assert!(!sample.ledger.path("ran").exists(), "nor run");
    for command in [
        &["kill", "06b023a7-026b"][..],
        &["machine", "--refresh"],
        &["network", "--refresh"],
    ] {
        let refused = sample.command(command).output();
        refused
            .expect_refusal(1, &["another program"])
            .expect_hint();
    }
    // The host may be one that is in it.
    for command in ["machine", "network"] {
        let asked = sample.command(&[command]).output();
        if asked.status.code() != Some(0) {
            asked.expect_refusal(1, &["another program"]).expect_hint();
        }
    }
    let doctor = sample.command(&["doctor"]).output().expect_code(0);
    assert!(
        doctor.stdout_text().contains("another program"),
        "{}",
        doctor.report()
    );
    sample.assert_untouched();
}

#[test]
fn it_may_lie_where_nothing_can_be_written() {
    let sample = Sample::new();
    let read_only = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    read_only(&sample.file, 0o400);
    read_only(&sample.directory, 0o500);
    let export = sample.command(&["export"]).output().expect_code(0);
    assert_complete(&export);
    read_only(&sample.directory, 0o700);
    sample.assert_untouched();
}

#[test]
fn it_may_lie_on_a_file_system_that_is_mounted_read_only() {
    let sample = Sample::new();
    let theirs = sample.directory.display();
    let setup = format!("mount --bind '{theirs}' '{theirs}'; mount -o remount,bind,ro '{theirs}'");
    let arguments = ["--database", &sample.url, "export"];
    let Some(export) = namespace::command(&sample.ledger, &setup, arguments) else {
        return;
    };
    assert_complete(&export.output().expect_code(0));
    sample.assert_untouched();
}

//! Work that is queued: what stands in the ledger then.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use hostledger_tests::{Ledger, Output, hostledger};
use serde_json::Value;

use crate::background::record;

/// `submit -` with these lines.
fn submit_lines(ledger: &Ledger, lines: impl Into<Vec<u8>>) -> Output {
    ledger.command(["submit", "-"]).input(lines).output()
}

fn ids(output: &Output) -> Vec<String> {
    output.stdout_text().lines().map(str::to_owned).collect()
}

fn show(ledger: &Ledger, id: &str) -> String {
    let shown = ledger.run(["show", id]).expect_code(0);
    shown.stdout_text().to_owned()
}

/// So many commands, a line each.
fn commands(count: usize) -> String {
    (1..=count).fold(String::new(), |mut lines, number| {
        writeln!(lines, "{{\"cmd\":[\"echo\",\"{number}\"]}}").unwrap();
        lines
    })
}

#[test]
fn a_command_is_queued_and_its_id_printed() {
    let ledger = Ledger::new();
    let options = "--name n --timeout 1m30s --nice 5 --umask 077 --kill-mode group --max-attempts 4 \
                   --retry-lost --env LANG=C --clear-env --max-log-size 1M --rlimit core=0";
    let submit = ledger.command(["submit"]).args(options.split_whitespace());
    let submit = submit
        .args(["--cwd", "/tmp", "--", "echo", "a b", "--json"])
        .output();
    let [id] = &ids(&submit.expect_code(0))[..] else {
        panic!("one id")
    };
    let process = record(&ledger, id);
    assert_eq!(process["cmd"], serde_json::json!(["echo", "a b", "--json"]));
    assert_eq!(process["status"], "queued", "{process:#}");
    assert_eq!(
        (&process["name"], &process["pwd"]),
        (&"n".into(), &"/tmp".into())
    );
    assert_eq!(
        (&process["timeout_ms"], &process["max_attempts"]),
        (&90_000.into(), &4.into())
    );
    assert_eq!(
        (&process["kill_mode"], &process["retry_lost"]),
        (&"group".into(), &true.into())
    );
    assert_eq!(process["process_type"], "cli");
    let launch = &process["launch"];
    assert_eq!(
        (&launch["nice"], &launch["umask"]),
        (&5.into(), &0o77.into())
    );
    assert_eq!(
        (&launch["clear_env"], &launch["max_log_bytes"]),
        (&true.into(), &(1 << 20).into())
    );
    let shown = show(&ledger, id);
    assert!(
        shown.contains("retry_lost: true\n") && shown.contains("attempt: 1 of 4\n"),
        "{shown}"
    );

    let json = ledger.run(["submit", "--json", "--", "true"]);
    let json = hostledger_tests::json_lines(&json.expect_code(0).stdout);
    assert_eq!((json.len(), &json[0]["status"]), (1, &"queued".into()));
    let quiet = ledger
        .run(["submit", "--quiet", "--", "true"])
        .expect_code(0);
    assert_eq!(quiet.stdout, b"");
    assert_eq!(ledger.processes().len(), 3);
}

#[test]
fn it_is_due_when_it_is_asked_for() {
    let ledger = Ledger::new();
    for (option, time, says) in [
        ("--at", "2999-01-31 12:00", "2999-01-31 12:00:00"),
        ("--at", "2999-01-31T12:00:00+01:00", "2999-01-31 11:00:00"),
        ("--in", "365000h", "20"),
    ] {
        let submit = ledger
            .run(["submit", option, time, "--", "true"])
            .expect_code(0);
        let shown = show(&ledger, submit.stdout_text().trim());
        assert!(shown.contains(&format!("retry_at: {says}")), "{shown}");
    }
    // What is past is due at once.
    ledger
        .run(["submit", "--at", "2001-01-01", "--", "true"])
        .expect_code(0);
    for (options, named) in [
        (&["--at", "tomorrow"][..], "--at"),
        (&["--in", "5"], "--in"),
        (&["--at", "2999-01-01", "--in", "5s"], "--in"),
        (&["--max-attempts", "0"], "--max-attempts"),
        (&["--detach"], "--detach"),
        (&["--no-stdin"], "--no-stdin"),
    ] {
        let refused = ledger
            .command(["submit"])
            .args(options)
            .args(["--", "true"])
            .output();
        refused.expect_refusal(2, &[named]);
    }
    ledger.run(["submit"]).expect_refusal(2, &["COMMAND"]);
    ledger
        .run(["submit", "--", ""])
        .expect_refusal(2, &["empty"]);
    assert_eq!(ledger.processes().len(), 4);
}

#[test]
fn arguments_are_kept_to_the_byte() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let ledger = Ledger::new();
    let odd = OsStr::from_bytes(b"a\xff\xfe\n'b\"");
    let submit = ledger
        .command(["submit", "--", "printf", "%s"])
        .arg(odd)
        .output();
    let id = submit.expect_code(0).stdout_text().to_owned();
    let script = ledger.path("again.sh");
    fs::write(
        &script,
        ledger
            .run(["show", "--script", id.trim()])
            .expect_code(0)
            .stdout,
    )
    .unwrap();
    let again = ledger.other("sh").arg(&script).output().expect_code(0);
    assert_eq!(again.stdout, odd.as_bytes());

    let line = r#"{"cmd":["printf","%s","a\u0001\n'b\"ü€\ud83d\ude00"]}"#;
    let id = ids(&submit_lines(&ledger, line).expect_code(0)).remove(0);
    assert_eq!(record(&ledger, &id)["cmd"][2], "a\u{1}\n'b\"ü€😀");
}

#[test]
fn lines_are_queued_in_their_order_and_said_in_it() {
    let ledger = Ledger::new();
    let lines = commands(25) + "\n# that is all\n";
    let queued = ids(&submit_lines(&ledger, lines).expect_code(0));
    let processes = ledger.processes();
    let recorded: Vec<_> = processes
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(recorded, queued);
    for (number, process) in (1..).zip(&processes) {
        assert_eq!(process["cmd"][1], number.to_string());
        assert!(
            process["timeout"].is_null() && process["pwd"].as_str().unwrap().ends_with("/work")
        );
    }
    let json = ledger
        .command(["submit", "--json", "-"])
        .input(commands(2))
        .output();
    let json = hostledger_tests::json_lines(&json.expect_code(0).stdout);
    assert_eq!((json.len(), &json[1]["cmd"][1]), (2, &"2".into()));
    let quiet = ledger
        .command(["submit", "--quiet", "-"])
        .input(commands(2))
        .output();
    assert_eq!(quiet.expect_code(0).stdout, b"");
    assert_eq!(ledger.processes().len(), 29);
    assert_eq!(submit_lines(&ledger, "").expect_code(0).stdout, b"");
}

#[test]
fn a_bad_line_is_told_with_its_number_and_nothing_of_its_batch_is_queued() {
    let ledger = Ledger::new();
    let lines = commands(12_344) + "{\"cmd\":[\"x\"],\"cwd\":\"/\"}\n" + &commands(10);
    let refused = submit_lines(&ledger, lines).expect_code(1);
    assert_eq!(
        refused.stdout_text().lines().count(),
        10_000,
        "the first batch"
    );
    let said = refused.stderr_text();
    for part in ["line 12345", "cwd", "10000 commands", "from line 10001"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(said.contains("hint: "), "{said}");
    assert_eq!(ledger.processes().len(), 10_000);
}

#[test]
fn options_and_lines_do_not_go_together() {
    let ledger = Ledger::new();
    for more in [
        &["--timeout", "5s", "-"][..],
        &["-", "--json"],
        &["--in", "5s", "--", "-"],
    ] {
        let refused = ledger
            .command(["submit"])
            .args(more)
            .input(commands(1))
            .output();
        refused.expect_refusal(2, &["submit -"]);
    }
    assert!(!ledger.data().exists());
}

#[test]
fn a_secret_waits_in_a_file_of_ours_and_stands_nowhere_else() {
    let ledger = Ledger::new();
    let lines = "{\"cmd\":[\"a\"],\"env\":{\"API_TOKEN\":\"hunter2\",\"LANG\":\"C\"}}\n".repeat(3);
    let queued = ids(&submit_lines(&ledger, lines).expect_code(0));
    ledger
        .run(["submit", "--env", "DB_PASSWORD=hunter2", "--", "b"])
        .expect_code(0);
    let secrets: Vec<_> = fs::read_dir(ledger.data().join("secrets"))
        .unwrap()
        .collect();
    assert_eq!(secrets.len(), 2, "one for each submission");
    for file in secrets {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
    for name in ["ledger.sqlite3", "ledger.sqlite3-wal"] {
        let bytes = fs::read(ledger.data().join(name)).unwrap_or_default();
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{name}");
    }
    let shown = show(&ledger, &queued[0]);
    assert!(
        shown.contains("API_TOKEN (secret)") && !shown.contains("hunter2"),
        "{shown}"
    );
}

/// Measured by the ledger itself, of a run of the very program.
#[test]
fn a_hundred_thousand_lines_take_no_more_memory_than_a_few_batches() {
    let ledger = Ledger::new();
    let outer = Ledger::new();
    let file = ledger.path("lines");
    fs::write(&file, commands(100_000)).unwrap();
    let submit = outer
        .command(["run", "--"])
        .arg(hostledger())
        .arg("--data")
        .arg(ledger.data())
        .args(["submit", "-"])
        .stdin(fs::File::open(&file).unwrap())
        .limit(Duration::from_secs(150))
        .output();
    let queued = ids(&submit.expect_code(0));
    assert_eq!(queued.len(), 100_000);
    let max_rss_kib = outer.process()["max_rss_kib"].as_u64().unwrap();
    assert!(max_rss_kib < 100 << 10, "{max_rss_kib} KiB");
    assert_eq!(record(&ledger, &queued[99_999])["cmd"][1], "100000");
    let newest: Vec<Value> = ledger.json(["ps", "--all", "--limit", "1"]);
    assert_eq!(newest[0]["id"], queued[99_999].as_str());
}

#[test]
fn a_reader_that_goes_away_does_not_keep_lines_from_being_queued() {
    let ledger = Ledger::new();
    let file = ledger.path("lines");
    fs::write(&file, commands(20_001)).unwrap();
    let program = hostledger().display().to_string();
    let data = ledger.data().display().to_string();
    let script = format!("{program} --data {data} submit - < lines | head -1");
    let first = ledger
        .other("sh")
        .args(["-c", &script])
        .output()
        .expect_code(0);
    assert_eq!(first.stdout_text().lines().count(), 1);
    hostledger_tests::wait_until("all is queued", || ledger.processes().len() == 20_001);
}

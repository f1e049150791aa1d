//! Everything about one record.

use hostledger_tests::Ledger;
use serde_json::Value;

use crate::background::Background;

fn id(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}

/// As many digits as no other of these ids begins with.
fn unique_prefix(id: &str, all: &[String]) -> String {
    let simple = |id: &str| id.replace('-', "");
    let wanted = simple(id);
    let begins = |length: usize, id: &String| simple(id).starts_with(&wanted[..length]);
    let length = (1..=32).find(|length| all.iter().filter(|id| begins(*length, id)).count() == 1);
    let length = length.unwrap();
    wanted[..length].to_owned()
}

#[test]
fn a_record_is_found_by_every_form_of_its_id() {
    let ledger = Ledger::new();
    for _ in 0..3 {
        ledger.sh("true").expect_code(0);
    }
    let records = ledger.export();
    let all: Vec<_> = records.iter().map(id).collect();
    assert_eq!(all.len(), 5);
    for record in &records {
        let id = id(record);
        let forms = [
            id.clone(),
            id.to_uppercase(),
            id.replace('-', ""),
            unique_prefix(&id, &all),
            id[..id.len() - 1].to_owned(),
        ];
        for form in forms
            .iter()
            .filter(|it| unique_prefix(&id, &all).len() <= it.len())
        {
            let mut shown = ledger.json(["show", form]);
            assert_eq!(shown.len(), 1);
            assert_eq!(&shown.remove(0), record, "{form}");
        }
    }
}

#[test]
fn a_process_is_shown_with_all_that_is_known_of_it() {
    let ledger = Ledger::new();
    let run = [
        "run",
        "--name",
        "x",
        "--env",
        "A=1",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 7",
    ];
    ledger.run(run).expect_code(7);
    let process = ledger.process();
    let shown = ledger.run(["show", &id(&process)]).expect_code(0);
    let text = shown.stdout_text();
    let value = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {key} in {text}"))
            .to_owned()
    };
    assert_eq!(value("id"), id(&process));
    assert_eq!(value("name"), "x");
    assert_eq!(value("command"), "sh -c 'echo out; echo err >&2; exit 7'");
    assert_eq!(value("outcome"), "exited");
    assert_eq!(value("exit_code"), "7");
    assert_eq!(value("pid"), process["pid"].to_string());
    assert_eq!(value("env"), "A");
    for key in [
        "pwd",
        "machine_id",
        "iface_id",
        "started_at",
        "ended_at",
        "max_rss_kib",
    ] {
        assert!(!value(key).is_empty(), "{key}");
    }
    assert!(text.contains("--- stdout ---\nout\n"), "{text}");
    assert!(text.contains("--- stderr ---\nerr\n"), "{text}");
}

#[test]
fn a_running_process_is_found_by_its_pid() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "exec sleep 60");
    let by_pid = format!("pid:{}", run.pid);
    let shown = ledger.json(["show", &by_pid]);
    assert_eq!(shown, ledger.json(["show", &run.id]));
    assert_eq!(
        ledger.run(["logs", &by_pid]).expect_code(0).stdout_text(),
        "ready\n"
    );
    // Ours is not a process of the ledger, whatever its number.
    let ours = format!("pid:{}", run.run.pid());
    ledger
        .run(["show", &ours])
        .expect_refusal(1, &[&run.run.pid().to_string()])
        .expect_hint();
    run.end(&ledger);
    ledger
        .run(["show", &by_pid])
        .expect_refusal(1, &[&by_pid[4..]])
        .expect_hint();
}

#[test]
fn what_is_shown_cannot_steer_the_terminal() {
    let ledger = Ledger::new();
    let odd = "\x1b[2J\u{9b}31m\r";
    ledger
        .run(["run", "--name", odd, "--", "true", odd])
        .expect_code(0);
    for command in [&["show", &ledger.last_id()][..], &["ps", "--all"]] {
        let shown = ledger.run(command).expect_code(0);
        let steering = |character: char| character.is_control() && character != '\n';
        assert!(
            !shown.stdout_text().contains(steering),
            "{:?}",
            shown.stdout_text()
        );
    }
}

//! Lists of processes.

use hostledger_tests::{Ledger, Output, json_lines};
use serde_json::Value;

use crate::background::Background;

fn names(list: &[Value]) -> Vec<&str> {
    list.iter()
        .map(|process| process["name"].as_str().unwrap_or("-"))
        .collect()
}

/// A ledger with three ended processes, a to c.
fn three() -> Ledger {
    let ledger = Ledger::new();
    for (name, code) in [("a", 0), ("b", 3), ("c", 0)] {
        let script = format!("exit {code}");
        ledger
            .run(["run", "--name", name, "--", "sh", "-c", &script])
            .expect_code(code);
    }
    ledger
}

#[test]
fn an_empty_ledger_has_an_empty_list() {
    let ledger = Ledger::new();
    assert_eq!(
        ledger
            .run(["ps", "--all", "--json"])
            .expect_code(0)
            .stdout_text(),
        ""
    );
    let listed = ledger.run(["ps"]).expect_code(0);
    assert_eq!(
        listed.stdout_text().lines().count(),
        1,
        "a header: {}",
        listed.report()
    );
}

#[test]
fn those_that_run_are_listed_unless_all_are_wanted() {
    let ledger = three();
    let run = Background::start(&ledger, "exec sleep 60");
    let running = ledger.json(["ps"]);
    assert_eq!(running.len(), 1);
    assert_eq!(
        (&running[0]["id"], &running[0]["status"]),
        (&run.id.clone().into(), &"running".into())
    );
    assert_eq!(
        (&running[0]["exit_code"], &running[0]["ended_at"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        names(&ledger.processes()),
        ["a", "b", "c", "-"],
        "oldest first"
    );
    assert_eq!(ledger.json(["ps", "--status", "running"]), running);
    assert_eq!(
        names(&ledger.json(["ps", "--status", "exited"])),
        ["a", "b", "c"]
    );
    assert_eq!(ledger.json(["ps", "--status", "queued"]), [Value::Null; 0]);
    run.end(&ledger);
    assert_eq!(ledger.json(["ps"]), [Value::Null; 0]);
}

#[test]
fn a_limit_keeps_the_newest_and_the_order() {
    let ledger = three();
    let limited = |limit: &str| ledger.json(["ps", "--all", "--limit", limit]);
    assert_eq!(names(&limited("2")), ["b", "c"]);
    assert_eq!(names(&limited("9")), ["a", "b", "c"]);
    assert_eq!(names(&limited("0")), ["a", "b", "c"]);
}

#[test]
fn lists_can_be_narrowed_by_type_time_and_machine() {
    let ledger = three();
    let listed = |options: &[&str]| ledger.json(["ps", "--all"].iter().chain(options)).len();
    assert_eq!(listed(&["--type", "cli"]), 3);
    assert_eq!(listed(&["--type", "hook"]), 0);
    assert_eq!(listed(&["--since", "1h"]), 3);
    assert_eq!(listed(&["--since", "2000-01-01T00:00:00Z"]), 3);
    assert_eq!(listed(&["--since", "2999-01-01T00:00:00Z"]), 0);
    let machine = ledger.json(["machine"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(listed(&["--machine", &machine]), 3);
    let interface = ledger.json(["network"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let wrong = ledger.run(["ps", "--all", "--machine", &interface]);
    wrong.expect_refusal(1, &[&interface, "machine"]);
}

#[test]
fn off_a_terminal_a_table_is_plain_text_with_a_line_for_each() {
    let ledger = three();
    let odd = "two\nlines \x1b[31mred";
    ledger.run(["run", "--", "true", odd]).expect_code(0);
    let listed = ledger.run(["ps", "--all"]).expect_code(0);
    let lines: Vec<_> = listed.stdout_text().lines().collect();
    assert_eq!(lines.len(), 5, "{}", listed.report());
    let header: Vec<_> = lines[0].split_whitespace().collect();
    assert!(
        header.starts_with(&["ID", "PID", "STATUS", "EXIT"]),
        "{}",
        listed.report()
    );
    assert!(header.ends_with(&["COMMAND"]), "{}", listed.report());
    assert!(
        !listed.stdout_text().contains('\x1b'),
        "{}",
        listed.report()
    );
    assert!(
        lines[2].contains("exited") && lines[2].ends_with("sh -c 'exit 3'"),
        "{}",
        listed.report()
    );
    // What is shown as an id can be given as one.
    for (line, process) in lines[1..].iter().zip(ledger.processes()) {
        let id = line.split_whitespace().next().unwrap();
        let shown = json_lines(&ledger.run(["show", "--json", id]).expect_code(0).stdout);
        assert_eq!(shown, [process]);
    }
}

#[test]
fn quiet_prints_no_table_and_still_says_what_is_wrong() {
    let ledger = three();
    let quiet = ledger.run(["ps", "--all", "--quiet"]).expect_code(0);
    assert_eq!((quiet.stdout_text(), quiet.stderr_text()), ("", ""));
    ledger
        .run(["show", "--quiet", "ffff"])
        .expect_refusal(1, &["ffff"]);
    assert_eq!(
        ledger.json(["ps", "--all", "--quiet"]).len(),
        3,
        "JSON was asked for"
    );
}

#[test]
fn what_is_no_filter_is_bad_usage() {
    let ledger = Ledger::new();
    for (option, value) in [
        ("--status", "done"),
        ("--type", "thing"),
        ("--since", "yesterday-ish"),
        ("--limit", "-1"),
        ("--limit", "many"),
    ] {
        let refused: Output = ledger.run(["ps", "--all", &format!("{option}={value}")]);
        refused.expect_refusal(2, &[option, value]);
    }
}

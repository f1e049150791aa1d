//! Installed programs that are run.

use std::fs;

use hostledger_tests::{Ledger, Output};
use serde_json::Value;

use super::*;

/// `hostledger run -- tool`, with no `PATH` but one that has no tool.
fn run_tool(ledger: &Ledger, globals: &[&str]) -> Output {
    let line = globals.iter().chain(&["run", "--", "tool"]);
    ledger.command(line).env("PATH", "/nowhere").output()
}

/// The process that was run last and not by a provider.
#[track_caller]
fn last(ledger: &Ledger) -> Value {
    let processes = ledger.json(["ps", "--all", "--type", "cli"]);
    processes.last().unwrap().clone()
}

#[test]
fn what_is_installed_is_found_before_path_and_its_use_is_counted() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let installed = record(&ledger, &["install", "tool", "--providers", "npm"]);
    let ran = run_tool(&ledger, &["--strict"]).expect_code(0);
    assert_eq!(ran.stdout_text(), "1.0\n");
    assert_eq!(last(&ledger)["binary_id"], installed["id"]);
    let shown = binary(&ledger, &["show", "tool"]).output();
    assert!(
        shown.stdout_text().contains("(2 succeeded, 0 failed)"),
        "{}",
        shown.report()
    );

    let path = ledger
        .command([
            "run",
            "--env",
            "PATH=/elsewhere",
            "--",
            "/bin/sh",
            "-c",
            "echo $PATH",
        ])
        .output()
        .expect_code(0);
    assert_eq!(
        path.stdout_text(),
        "/elsewhere\n",
        "what the caller gives stays"
    );
}

#[test]
fn a_program_that_has_changed_is_told_and_refused_when_we_are_strict() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let installed = record(&ledger, &["install", "tool", "--providers", "npm"]);
    let path = installed["abspath"].as_str().unwrap();
    fs::write(path, "#!/bin/sh\necho other\n").unwrap();

    let told = run_tool(&ledger, &[]).expect_code(0);
    assert_eq!(told.stdout_text(), "other\n");
    let warning = told.stderr_text();
    let sum = installed["sha256"].as_str().unwrap();
    assert!(
        warning.contains("warning: tool has changed") && warning.contains(sum),
        "{warning}"
    );

    let before = ledger.processes().len();
    let refused = run_tool(&ledger, &["--strict"]).expect_code(125);
    assert!(
        refused.stderr_text().contains("tool has changed"),
        "{}",
        refused.report()
    );
    assert_eq!(ledger.processes().len(), before, "nothing was launched");
}

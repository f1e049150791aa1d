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

#[test]
fn a_name_that_leads_elsewhere_is_no_use_of_what_is_recorded() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let installed = record(&ledger, &["install", "tool", "--providers", "npm"]);
    let other = ledger.path("elsewhere/tool");
    script(&other, "echo other");
    let link = ledger.data().join("lib/bin/tool");
    let elsewhere = ledger.path("elsewhere");
    let run = |arguments: &[&str], path: &Path| {
        let line = arguments.iter().chain(&["--", "tool"]);
        ledger.command(line).env("PATH", path).output()
    };

    // Whoever gives a path or a variable means another program.
    let path = format!("PATH={}", elsewhere.display());
    let variable = format!("TOOL_BINARY={}", other.display());
    for given in [&path, &variable] {
        let ran = run(&["--strict", "run", "--env", given], "/nowhere".as_ref()).expect_code(0);
        assert_eq!(ran.stdout_text(), "other\n", "{given}");
        assert_eq!(last(&ledger)["binary_id"], Value::Null);
    }

    // A link that somebody has changed.
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&other, &link).unwrap();
    let told = run(&["run"], &elsewhere).expect_code(0);
    assert_eq!(told.stdout_text(), "other\n");
    assert!(
        told.stderr_text().contains("tool leads elsewhere"),
        "{}",
        told.report()
    );
    assert_eq!(last(&ledger)["binary_id"], Value::Null);
    let refused = run(&["--strict", "run"], &elsewhere).expect_code(125);
    assert!(
        refused.stderr_text().contains("tool leads elsewhere"),
        "{}",
        refused.report()
    );
    let verified = binary(&ledger, &["verify", "tool"]).output().expect_code(1);
    assert!(
        verified.stdout_text().contains("tool leads elsewhere"),
        "{}",
        verified.report()
    );

    // One that is lost.
    fs::remove_file(&link).unwrap();
    run(&["--strict", "run"], &elsewhere).expect_code(125);
    run(&["run"], &elsewhere).expect_code(0);
    assert_eq!(last(&ledger)["binary_id"], Value::Null);

    let again = record(&ledger, &["install", "tool", "--providers", "npm"]);
    assert_eq!(again["id"], installed["id"]);
    run(&["--strict", "run"], &elsewhere).expect_code(0);
    assert_eq!(last(&ledger)["binary_id"], installed["id"]);
}

/// `hostledger work --once` of one process, and its row then.
#[track_caller]
fn work_once(ledger: &Ledger, globals: &[&str]) -> (Output, Value) {
    ledger.run(["submit", "--", "tool"]).expect_code(0);
    let line = globals.iter().chain(&["work", "--once"]);
    let worked = ledger.command(line).env("PATH", "/nowhere").output();
    (worked.expect_code(0), last(ledger))
}

#[test]
fn a_worker_runs_what_is_recorded_and_not_what_has_changed_when_it_is_strict() {
    let ledger = Ledger::new();
    let (_, none) = work_once(&ledger, &["--strict"]);
    assert_eq!(none["exit_code"], 127, "{none}");
    npm(&ledger, "", "1.0");
    let installed = record(&ledger, &["install", "tool", "--providers", "npm"]);
    let (_, ran) = work_once(&ledger, &["--strict"]);
    assert_eq!(
        (&ran["binary_id"], &ran["exit_code"]),
        (&installed["id"], &0.into())
    );
    let shown = binary(&ledger, &["show", "tool"]).output();
    assert!(
        shown.stdout_text().contains("(2 succeeded, 0 failed)"),
        "{}",
        shown.report()
    );

    fs::write(
        installed["abspath"].as_str().unwrap(),
        "#!/bin/sh\nexit 3\n",
    )
    .unwrap();
    let (worked, ran) = work_once(&ledger, &[]);
    assert_eq!(
        (&ran["binary_id"], &ran["exit_code"]),
        (&installed["id"], &3.into())
    );
    let told = worked.stderr_text();
    assert!(told.contains("warning: tool has changed"), "{told}");

    let (_, refused) = work_once(&ledger, &["--strict"]);
    assert_eq!(
        (&refused["outcome"], &refused["exit_code"]),
        (&"spawn_failed".into(), &126.into())
    );
    let shown = ledger.run(["show", refused["id"].as_str().unwrap()]);
    assert!(
        shown.stdout_text().contains("tool has changed"),
        "{}",
        shown.report()
    );
}

#[test]
fn a_worker_that_runs_learns_of_what_is_installed_and_changed_meanwhile() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let line = ["--strict", "work"];
    let worker = ledger.command(line).env("PATH", "/nowhere").start();
    let ended = |id: &str| ledger.run(["wait", "--timeout", "60s", id]).status.code();
    let submit = || {
        ledger
            .run(["submit", "--", "tool"])
            .stdout_text()
            .trim()
            .to_owned()
    };
    assert_eq!(ended(&submit()), Some(127));
    for version in ["1.0", "2.0"] {
        npm(&ledger, "", version);
        let arguments = [
            "install",
            "tool",
            "--providers",
            "npm",
            "--min-version",
            version,
        ];
        let installed = record(&ledger, &arguments);
        let id = submit();
        assert_eq!(ended(&id), Some(0), "at once, and verified");
        assert_eq!(ledger.json(["show", &id])[0]["binary_id"], installed["id"]);
        fs::write(installed["abspath"].as_str().unwrap(), "#!/bin/sh\n").unwrap();
        assert_eq!(ended(&submit()), Some(126), "at once, and refused");
    }
    worker.signal(rustix::process::Signal::TERM);
    worker.wait().expect_code(0);
}

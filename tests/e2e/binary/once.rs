//! Many who ask at once, and those who die in the middle.

use hostledger_tests::{Ledger, wait_until};
use rustix::process::Signal;
use serde_json::json;

use super::*;

#[test]
fn many_who_ask_for_one_name_install_it_once() {
    let ledger = Ledger::new();
    npm(&ledger, "/bin/sleep 0.5", "1.0");
    let arguments = ["install", "tool", "--providers", "npm", "--json"];
    let asking: Vec<_> = (0..4)
        .map(|_| binary(&ledger, &arguments).start())
        .collect();
    let mut answers: Vec<_> = asking
        .into_iter()
        .flat_map(|asking| records(&asking.wait().expect_code(0)))
        .collect();
    assert_eq!(installs(&ledger), 1);
    assert_eq!(answers.len(), 4);
    answers.dedup();
    assert_eq!(answers.len(), 1, "all get the same record: {answers:#?}");
}

#[test]
fn who_waits_is_told_why_it_failed() {
    let ledger = Ledger::new();
    tool(&ledger, "npm", "/bin/sleep 1; echo broken >&2; exit 1");
    let arguments = ["install", "tool", "--providers", "npm"];
    let first = binary(&ledger, &arguments).start();
    wait_until("it is at work", || !runs(&ledger).is_empty());
    let second = binary(&ledger, &arguments).start();
    for output in [first.wait(), second.wait()] {
        let output = output.expect_code(1);
        assert!(
            output.stderr_text().contains("exit code 1: broken"),
            "{}",
            output.report()
        );
    }
}

#[test]
fn what_a_dead_installer_has_begun_is_ended_and_begun_anew() {
    let ledger = Ledger::new();
    let begun = ledger.path("begun");
    let hangs = format!(
        "[ -e {0} ] || {{ : > {0}; /bin/sleep 1000 & /bin/sleep 1000; }}",
        begun.display()
    );
    npm(&ledger, &hangs, "1.0");
    let arguments = ["install", "tool", "--providers", "npm"];
    let first = binary(&ledger, &arguments).start();
    wait_until("it is at work", || {
        begun.exists() && ledger.alive().len() >= 3
    });
    wait_until("its start is written", || {
        runs(&ledger)
            .first()
            .is_some_and(|run| run["status"] == "running")
    });
    first.signal(Signal::KILL);
    first.wait().expect_signal(Signal::KILL);
    let abandoned = record(&ledger, &["show", "tool"]);
    assert_eq!(abandoned["status"], "started");

    let installed = record(&ledger, &arguments);
    assert_eq!(installed["id"], abandoned["id"]);
    assert_eq!(installed["status"], "installed");
    assert_eq!(runs(&ledger)[0]["outcome"], "killed", "what was begun");
    wait_until("nothing of it is left", || ledger.alive().is_empty());
    assert_eq!(installs(&ledger), 1);
}

#[test]
fn an_installation_of_another_data_directory_is_left_alone_while_its_installer_lives() {
    let first = Ledger::new();
    first.run(["ps"]).expect_code(0);
    let second = Ledger::at(format!("sqlite:{}", first.database().display()));
    let (begun, go) = (first.path("begun"), first.path("go"));
    let waits = format!(
        ": > {}; until [ -e {} ]; do /bin/sleep 0.01; done",
        begun.display(),
        go.display()
    );
    npm(&first, &waits, "1.0");
    npm(&second, "", "2.0");
    let install = |name| ["install", name, "--providers", "npm"];
    let of_first = binary(&first, &install("tool")).start();
    wait_until("its start is written", || {
        begun.exists()
            && runs(&first)
                .first()
                .is_some_and(|run| run["status"] == "running")
    });
    let other = record(&second, &install("other"));
    assert_eq!(other["status"], "installed");
    std::fs::write(&go, "").unwrap();
    of_first.wait().expect_code(0);
    for run in runs(&first) {
        assert_eq!(run["outcome"], "exited", "{run:#}");
    }
    // Who asks for it after its installer has died ends what that has left, wherever that was.
    for file in [&begun, &go] {
        std::fs::remove_file(file).unwrap();
    }
    let dies = binary(&first, &install("third")).start();
    wait_until("its start is written", || {
        begun.exists() && runs(&first).iter().any(|run| run["status"] == "running")
    });
    dies.signal(Signal::KILL);
    dies.wait().expect_signal(Signal::KILL);
    let third = record(&second, &install("third"));
    assert_eq!(third["version"], "2.0");
    wait_until("nothing of it is left", || first.alive().is_empty());
}

/// Begins to install `tool` by a script of its own, which hangs until there is `go`.
fn hanging(ledger: &Ledger) -> hostledger_tests::Started {
    let tool = ledger.path("by-bash/tool");
    script(&tool, "echo 1.0");
    let line = format!(
        "while [ ! -e {} ]; do /bin/sleep 0.05; done",
        ledger.path("go").display()
    );
    let with = json!({"install": line, "abspath": tool});
    let with = format!("bash={with}");
    fs::create_dir_all(ledger.path("tools")).unwrap();
    let bash = ledger.path("tools/bash");
    if !bash.exists() {
        std::os::unix::fs::symlink("/bin/bash", bash).unwrap();
    }
    let first = [
        "install",
        "tool",
        "--providers",
        "bash",
        "--override",
        &with,
    ];
    let first = binary(ledger, &first).start();
    wait_until("it is at work", || {
        runs(ledger).iter().any(|it| it["status"] == "running")
    });
    first
}

#[test]
fn who_waits_gets_what_it_has_asked_for_and_not_what_another_has() {
    let ledger = Ledger::new();
    npm(&ledger, "", "2.0");
    let first = hanging(&ledger);
    let wants = [
        "install",
        "tool",
        "--providers",
        "npm",
        "--min-version",
        "2",
    ];
    let second = binary(&ledger, &wants).args(["--json"]).start();
    wait_until("both are there", || ledger.alive().len() >= 2);
    fs::write(ledger.path("go"), "").unwrap();
    first.wait().expect_code(0);
    let installed = &records(&second.wait().expect_code(0))[0];
    assert_eq!(
        (&installed["binprovider"], &installed["version"]),
        (&json!("npm"), &json!("2.0"))
    );
}

#[test]
fn what_a_dead_one_asked_for_is_not_run_for_another() {
    let ledger = Ledger::new();
    npm(&ledger, "", "2.0");
    let first = hanging(&ledger);
    first.signal(Signal::KILL);
    first.wait().expect_signal(Signal::KILL);
    let installed = record(&ledger, &["install", "tool", "--providers", "npm"]);
    assert_eq!(installed["binprovider"], "npm");
    let lines: Vec<_> = runs(&ledger)
        .into_iter()
        .filter(|it| it["name"] == "install tool: bash")
        .collect();
    assert_eq!(lines.len(), 1, "begun once");
    assert_eq!(lines[0]["outcome"], "killed", "and ended");
    wait_until("nothing of it is left", || ledger.alive().is_empty());
}

#[test]
fn an_upgrade_that_fails_leaves_what_is_installed() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let installed = record(&ledger, &["install", "tool", "--providers", "npm"]);
    tool(&ledger, "npm", "echo offline >&2; exit 1");
    let upgrade = [
        "install",
        "tool",
        "--providers",
        "npm",
        "--min-version",
        "2",
    ];
    let failed = binary(&ledger, &upgrade).output().expect_code(1);
    assert!(
        failed.stderr_text().contains("offline"),
        "{}",
        failed.report()
    );
    let stays = record(&ledger, &["show", "tool"]);
    for field in ["id", "status", "abspath", "version", "sha256"] {
        assert_eq!(stays[field], installed[field], "{field}");
    }
    assert!(
        stays["reasons"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("offline")
    );
    binary(&ledger, &["verify", "tool"]).output().expect_code(0);
    // As it is, it does for those who want no more.
    assert_eq!(record(&ledger, &["install", "tool"])["version"], "1.0");
}

#[test]
fn who_waits_for_a_directory_can_be_interrupted_and_begins_nothing() {
    let ledger = Ledger::new();
    let go = ledger.path("go");
    let hangs = format!(
        "case $* in *one) while [ ! -e {} ]; do /bin/sleep 0.05; done;; esac",
        go.display()
    );
    npm(&ledger, &hangs, "1.0");
    let one = binary(&ledger, &["install", "one", "--providers", "npm"]).start();
    wait_until("it is at work", || {
        runs(&ledger).iter().any(|it| it["status"] == "running")
    });
    let two = binary(&ledger, &["install", "two", "--providers", "npm"]).start();
    let three = binary(&ledger, &["install", "three", "--providers", "npm"]).start();
    let under_way = |name: &str| {
        let shown = binary(&ledger, &["show", name, "--json"]).output();
        shown.stdout_text().contains(r#""status":"started""#)
    };
    wait_until("they wait for it", || {
        under_way("two") && under_way("three")
    });
    two.signal(Signal::INT);
    two.wait().expect_code(130);
    assert_eq!(runs(&ledger).len(), 1, "only the first has run");
    fs::write(go, "").unwrap();
    one.wait().expect_code(0);
    three.wait().expect_code(0);
    assert_eq!(installs(&ledger), 2);
}

#[test]
fn what_a_dead_installer_runs_is_ended_before_another_uses_its_directory() {
    let ledger = Ledger::new();
    let hangs = "case $* in *one) /bin/sleep 1000 & /bin/sleep 1000;; esac";
    npm(&ledger, hangs, "1.0");
    let one = binary(&ledger, &["install", "one", "--providers", "npm"]).start();
    wait_until("it is at work", || {
        ledger.alive().len() >= 3 && runs(&ledger).iter().any(|it| it["status"] == "running")
    });
    one.signal(Signal::KILL);
    one.wait().expect_signal(Signal::KILL);
    record(&ledger, &["install", "two", "--providers", "npm"]);
    assert_eq!(runs(&ledger)[0]["outcome"], "killed");
    wait_until("nothing of it is left", || ledger.alive().is_empty());
}

//! From a name to a program.

use std::fs;

use hostledger_tests::{Ledger, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::*;

#[test]
fn a_program_is_installed_recorded_and_linked_under_the_name_that_was_asked_for() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.6.0");
    let arguments = ["install", "cowsay", "--providers", "env,npm"];
    let installed = record(&ledger, &arguments);
    assert_eq!(installed["type"], "Binary");
    assert_eq!(installed["status"], "installed");
    assert_eq!(installed["version"], "1.6.0");
    assert_eq!(installed["binprovider"], "npm");
    assert_eq!(installed["binproviders"], "env,npm");
    assert_eq!(installed["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(installed["reasons"][0]["provider"], "env");
    let link = fs::read_link(ledger.data().join("lib/bin/cowsay")).unwrap();
    assert_eq!(
        link.to_str().unwrap(),
        installed["abspath"].as_str().unwrap()
    );

    let runs = runs(&ledger);
    assert_eq!(runs.len(), 2, "{runs:#?}");
    let (machine, id) = (&installed["machine_id"], &installed["id"]);
    let place = format!(
        "machines/{}/binaries/cowsay/{}/npm",
        machine.as_str().unwrap(),
        id.as_str().unwrap()
    );
    for run in &runs {
        assert_eq!(run["name"], "install cowsay: npm");
        let log = run["log"].as_str().unwrap();
        assert!(log.starts_with(&place), "{log}");
        assert!(ledger.data().join(format!("{log}.stdout.log")).exists());
    }
    assert_eq!(runs[0]["timeout"], 600);
    let shown = binary(&ledger, &["show", "cowsay"]).output().expect_code(0);
    assert!(
        shown
            .stdout_text()
            .contains("health: 100 (1 succeeded, 0 failed)")
    );
}

#[test]
fn what_is_installed_as_it_is_asked_for_is_left_as_it_is() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.6.0");
    let first = record(&ledger, &["install", "cowsay", "--providers", "npm"]);
    let (link, runs_before) = (ledger.data().join("lib/bin/cowsay"), runs(&ledger).len());
    fs::remove_file(&link).unwrap();
    for arguments in [
        &["install", "cowsay"][..],
        &[
            "install",
            "cowsay",
            "--providers",
            "env,npm",
            "--min-version",
            "1.5",
        ],
        &["find", "COWSAY"],
    ] {
        assert_eq!(record(&ledger, arguments), first, "{arguments:?}");
    }
    assert_eq!(runs(&ledger).len(), runs_before);
    assert!(link.exists(), "but a lost link is made again");

    // Asked for otherwise, or changed: it is installed again, in the same row.
    npm(&ledger, "", "2.0.0");
    let newer = record(
        &ledger,
        &[
            "install",
            "cowsay",
            "--providers",
            "npm",
            "--min-version",
            "2",
        ],
    );
    assert_eq!(
        (&newer["id"], &newer["version"]),
        (&first["id"], &json!("2.0.0"))
    );
    fs::write(
        newer["abspath"].as_str().unwrap(),
        "#!/bin/sh\necho 6.6.6\n",
    )
    .unwrap();
    let again = record(&ledger, &["install", "cowsay", "--providers", "npm"]);
    assert_eq!(
        (&again["id"], &again["version"]),
        (&first["id"], &json!("2.0.0"))
    );
    assert_eq!(installs(&ledger), 3);
}

#[test]
fn when_nobody_can_every_provider_s_reason_is_told_and_kept() {
    let ledger = Ledger::new();
    tool(&ledger, "npm", "echo 'npm error 404' >&2; exit 1");
    let list = "env,npm,cargo,bash,nix";
    let arguments = ["install", "nothing", "--providers", list, "--json"];
    let output = binary(&ledger, &arguments).output().expect_code(1);
    let told = output.stderr_text();
    for part in [
        "error: nothing could not be installed",
        "env failed: there is no program nothing on PATH",
        "npm failed: npm ended with exit code 1: npm error 404",
        "cargo skipped: cargo is not on PATH",
        "bash skipped: no command is given",
        "nix skipped: there is no provider nix",
        "hint: hostledger logs ",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let failed = &records(&output)[0];
    assert_eq!(
        (&failed["type"], &failed["status"]),
        (&json!("BinaryRequest"), &json!("failed"))
    );
    let reasons = failed["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 5);
    let id = reasons[1]["process_id"].as_str().unwrap();
    let log = ledger.run(["logs", id, "--stderr"]).expect_code(0);
    assert_eq!(log.stderr_text(), "npm error 404\n");
    assert!(!ledger.data().join("lib/bin/nothing").exists());

    let listed = binary(&ledger, &["list"]).output().expect_code(0);
    assert!(
        listed.stdout_text().contains("nothing"),
        "{}",
        listed.report()
    );
}

#[test]
fn overrides_say_what_is_installed() {
    let ledger = Ledger::new();
    let wants = "[ \"$7 $8\" = '@scope/tool --no-save' ] || exit 3; set -- $* tool";
    npm(&ledger, wants, "1.0");
    let with = r#"npm={"packages":["@scope/tool"],"install_args":"--no-save"}"#;
    let arguments = ["install", "tool", "--providers", "npm", "--override", with];
    let installed = record(&ledger, &arguments);
    let overrides: Value = serde_json::from_str(with.split_once('=').unwrap().1).unwrap();
    assert_eq!(
        installed["overrides"]["npm"], overrides,
        "kept as they were given"
    );

    let odd = binary(&ledger, &["install", "tool", "--override", "npm=7"]).output();
    assert!(
        odd.stderr_text()
            .contains("warning: the override for npm is no object")
    );
}

#[test]
fn an_interrupted_installation_ends_what_it_runs() {
    let ledger = Ledger::new();
    tool(
        &ledger,
        "npm",
        "/bin/sleep 1000 & echo began; /bin/sleep 1000",
    );
    let install = binary(&ledger, &["install", "tool", "--providers", "npm,env"]).start();
    wait_until("the provider runs", || ledger.alive().len() >= 3);
    install.signal(Signal::INT);
    let output = install.wait().expect_code(130);
    assert!(
        output.stderr_text().contains("interrupted"),
        "{}",
        output.report()
    );
    let row = record(&ledger, &["show", "tool"]);
    assert_eq!(row["status"], "failed");
    assert_eq!(runs(&ledger)[0]["outcome"], "killed");
    wait_until("all has ended", || ledger.alive().is_empty());
}

#[test]
fn a_program_that_hangs_when_it_is_asked_for_its_version_is_ended_with_its_children() {
    let ledger = Ledger::new();
    let hangs = "[ $1 = --version ] || { echo tool 4.5; exit; }\n\
                 /bin/sleep 1000 & /bin/sleep 1000";
    tool(&ledger, "tool", hangs);
    let installed = record(&ledger, &["install", "tool", "--providers", "env"]);
    assert_eq!(installed["version"], "4.5");
    let runs = runs(&ledger);
    let outcomes: Vec<_> = runs.iter().map(|run| &run["outcome"]).collect();
    assert_eq!(outcomes, ["timed_out", "exited"]);
    wait_until("all has ended", || ledger.alive().is_empty());
}

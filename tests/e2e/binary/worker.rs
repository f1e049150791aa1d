//! What is asked for by a record and installed by a worker.

use hostledger_tests::{Ledger, wait_until};
use rustix::process::Signal;
use serde_json::json;

use super::*;

#[track_caller]
fn ask_for(ledger: &Ledger, lines: &str) {
    ledger
        .command(["import", "-"])
        .input(lines)
        .output()
        .expect_code(0);
}

/// `hostledger work …` with nothing else on `PATH` than [`tool`]s.
fn work(ledger: &Ledger, arguments: &[&str]) -> Invocation {
    let command = ledger.command(["work"]).args(arguments);
    command.env("PATH", ledger.path("tools"))
}

#[track_caller]
fn status(ledger: &Ledger, name: &str) -> Value {
    record(ledger, &["show", name])["status"].clone()
}

#[test]
fn a_worker_installs_what_is_due_and_ends() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"tool","binproviders":"npm"}"#,
    );
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"nothing","binproviders":"cargo"}"#,
    );
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"-rf","binproviders":"npm"}"#,
    );
    work(&ledger, &["--once"]).output().expect_code(0);
    assert_eq!(status(&ledger, "tool"), "installed");
    let waits = record(&ledger, &["show", "nothing"]);
    assert_eq!(
        (&waits["status"], &waits["attempt"]),
        (&json!("queued"), &json!(2))
    );
    assert_eq!(waits["reasons"][0]["outcome"], "skipped");
    assert_eq!(
        installs(&ledger),
        1,
        "and no other name was given to anybody"
    );
}

#[test]
fn a_worker_hears_of_requests_and_gives_back_what_it_cannot_finish() {
    let ledger = Ledger::new();
    let slow = "case $* in *slow) /bin/sleep 1000 & /bin/sleep 1000;; esac";
    npm(&ledger, slow, "1.0");
    let worker = work(&ledger, &[]).start();
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"tool","binproviders":"npm"}"#,
    );
    wait_until("it is installed", || {
        let shown = binary(&ledger, &["show", "tool", "--json"]).output();
        shown.stdout_text().contains(r#""status":"installed""#)
    });
    ask_for(
        &ledger,
        r#"{"type":"BinaryRequest","name":"slow","binproviders":"npm"}"#,
    );
    wait_until("it is under way", || status(&ledger, "slow") == "started");
    wait_until("its programs run", || ledger.alive().len() >= 4);
    worker.signal(Signal::TERM);
    worker.wait().expect_code(0);
    assert_eq!(status(&ledger, "slow"), "queued");
    wait_until("nothing of it is left", || ledger.alive().is_empty());
}

/// A plugin `mine` whose hook puts a program where it may, says so, and asks for another one.
fn plugin(ledger: &Ledger, plugins: &str) {
    let hook = ledger
        .path(plugins)
        .join("mine/on_BinaryRequest__50_mine.sh");
    let text = r#"
for argument in "$@"; do case "$argument" in --name=*) name=${argument#--name=};; esac; done
/bin/mkdir -p "$LIB_DIR/mine"
printf '#!/bin/sh\necho 1.2.3\n' > "$LIB_DIR/mine/$name"
/bin/chmod 755 "$LIB_DIR/mine/$name"
[ "$name" = needed ] || echo '{"type":"BinaryRequest","name":"needed","binproviders":"mine"}'
echo "{\"type\":\"Binary\",\"name\":\"$name\",\"abspath\":\"$LIB_DIR/mine/$name\",\"version\":\"1.2.3\"}"
"#;
    script(&hook, text);
    std::os::unix::fs::symlink("/bin/bash", ledger.path("tools/bash")).unwrap();
}

#[test]
fn a_worker_installs_by_hooks_too_and_then_what_they_ask_for() {
    for (directory, arguments) in [
        ("plugins", &["--plugins", "plugins"][..]),
        ("of the ledger", &[]),
        ("of the environment", &[]),
    ] {
        let ledger = Ledger::new();
        npm(&ledger, "exit 1", "1.0");
        let own = ledger.data().join("plugins");
        let place = match directory {
            "of the ledger" => own.to_str().unwrap(),
            other => other,
        };
        plugin(&ledger, place);
        ask_for(
            &ledger,
            r#"{"type":"BinaryRequest","name":"tool","binproviders":"npm,mine"}"#,
        );
        let listed = ledger.path("of the environment");
        let worker = work(&ledger, arguments).env("HOSTLEDGER_PLUGINS", listed);
        worker.args(["--once"]).output().expect_code(0);
        let tool = record(&ledger, &["show", "tool"]);
        assert_eq!(
            (&tool["status"], &tool["binprovider"]),
            (&json!("installed"), &json!("mine")),
            "{directory}: {tool}"
        );
        assert_eq!(tool["reasons"][0]["provider"], "npm", "npm was asked first");
        assert_eq!(status(&ledger, "needed"), "installed");
        let link = ledger.data().join("lib/bin/tool");
        let target = ledger.data().join("lib/mine/tool");
        assert_eq!(fs::read_link(link).unwrap(), target);
    }
}

#[test]
fn a_worker_asks_whom_it_may() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    plugin(&ledger, "plugins");
    let lines = r#"{"type":"BinaryRequest","name":"tool","binproviders":"npm"}
        {"type":"BinaryRequest","name":"other","binproviders":"mine"}"#;
    ask_for(&ledger, lines);
    let hooks_only = ["--once", "--plugins", "plugins", "--hooks-only"];
    work(&ledger, &hooks_only).output().expect_code(0);
    assert_eq!(installs(&ledger), 0);
    assert_eq!(status(&ledger, "tool"), "queued");
    assert_eq!(status(&ledger, "other"), "installed");

    binary(&ledger, &["remove", "other"])
        .output()
        .expect_code(0);
    binary(&ledger, &["remove", "tool"]).output().expect_code(0);
    ask_for(&ledger, lines);
    let listed = ledger.path("plugins");
    let no_hooks = work(&ledger, &["--once", "--no-hooks"]).env("HOSTLEDGER_PLUGINS", listed);
    no_hooks.output().expect_code(0);
    assert_eq!(status(&ledger, "tool"), "installed");
    let other = record(&ledger, &["show", "other"]);
    assert_eq!(other["status"], "queued");
    assert!(
        other["reasons"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("no provider mine"),
        "{other}"
    );
}

#[test]
fn what_is_installed_as_it_is_asked_for_is_not_installed_again() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let installed = record(&ledger, &["install", "tool", "--providers", "npm"]);
    let line = r#"{"type":"BinaryRequest","name":"tool","binproviders":"env,npm"}"#;
    ask_for(&ledger, line);
    work(&ledger, &["--once"]).output().expect_code(0);
    assert_eq!(installs(&ledger), 1);
    assert_eq!(status(&ledger, "tool"), "installed");

    // Asked for otherwise, it is; and as often as it takes, whatever somebody else was content with.
    tool(&ledger, "npm", "exit 1");
    let newer = r#"{"type":"BinaryRequest","name":"tool","binproviders":"npm","min_version":"2"}"#;
    ask_for(&ledger, newer);
    work(&ledger, &["--once"]).output().expect_code(0);
    let waits = record(&ledger, &["show", "tool"]);
    assert_eq!(
        (&waits["status"], &waits["id"]),
        (&json!("queued"), &installed["id"])
    );
}

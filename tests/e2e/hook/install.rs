//! Hooks that install programs.

use std::fs;

use hostledger_tests::{Invocation, Ledger, json_lines};
use serde_json::{Value, json};

use super::plugin_file;

/// Puts a program of version 1.2.3 into `LIB_DIR` and says so, for the name it is asked for.
const INSTALLS: &str = r#"
for argument in "$@"; do case "$argument" in --name=*) name=${argument#--name=};; esac; done
mkdir -p "$LIB_DIR/mine"
printf '#!/bin/sh\necho 1.2.3\n' > "$LIB_DIR/mine/$name"
chmod 755 "$LIB_DIR/mine/$name"
echo "installing $name"
echo "{\"type\":\"Binary\",\"name\":\"$name\",\"abspath\":\"$LIB_DIR/mine/$name\",\"version\":\"1.2.3\",\"sha256\":\"\",\"binprovider\":\"mine\"}"
"#;

fn install(ledger: &Ledger, arguments: &[&str]) -> Invocation {
    ledger
        .command(["binary", "install"])
        .args(arguments)
        .args(["--plugins", "plugins", "--json"])
}

/// The record that `binary install` prints.
#[track_caller]
fn installed(install: Invocation) -> Value {
    let output = install.output().expect_code(0);
    json_lines(&output.stdout).pop().expect("a record")
}

/// Why each provider did not come up with it: provider, outcome, reason.
#[track_caller]
fn reasons(install: Invocation) -> Vec<(String, String, String)> {
    let output = install.output().expect_code(1);
    let record = json_lines(&output.stdout).pop().expect("a record");
    let text = |reason: &Value, key: &str| reason[key].as_str().unwrap_or_default().to_owned();
    let reasons = record["reasons"].as_array().cloned().unwrap_or_default();
    reasons
        .iter()
        .map(|it| {
            (
                text(it, "provider"),
                text(it, "outcome"),
                text(it, "reason"),
            )
        })
        .collect()
}

#[test]
fn a_program_that_a_hook_installs_is_recorded_and_linked() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "mine/on_BinaryRequest__50_mine.sh", INSTALLS);
    let record = installed(install(&ledger, &["greeter", "--hooks-only"]));
    assert_eq!(
        (&record["name"], &record["status"]),
        (&json!("greeter"), &json!("installed"))
    );
    assert_eq!(
        (&record["version"], &record["binprovider"]),
        (&json!("1.2.3"), &json!("mine"))
    );
    assert_eq!(
        record["sha256"].as_str().unwrap().len(),
        64,
        "looked at, whatever the hook says"
    );
    let abspath = ledger.data().join("lib/mine/greeter");
    assert_eq!(record["abspath"], abspath.to_str().unwrap());
    assert_eq!(
        fs::read_link(ledger.data().join("lib/bin/greeter")).unwrap(),
        abspath
    );

    let hook = &ledger.processes()[0];
    assert_eq!(hook["process_type"], "hook");
    assert_eq!(hook["timeout"], 600);
    let words: Vec<_> = hook["cmd"].as_array().unwrap()[2..]
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    let id = record["id"].as_str().unwrap();
    let machine = record["machine_id"].as_str().unwrap();
    assert_eq!(
        words,
        [
            &*format!("--binary-id={id}"),
            &format!("--machine-id={machine}"),
            "--name=greeter",
            "--overrides={}"
        ]
    );
    let own = format!("machines/{machine}/binaries/greeter/{id}/mine");
    let directory = ledger.data().join(own);
    assert_eq!(hook["pwd"], directory.to_str().unwrap());
    let log = directory.join(".hooks/on_BinaryRequest__50_mine.sh/stdout.log");
    assert!(
        fs::read_to_string(log)
            .unwrap()
            .starts_with("installing greeter\n")
    );

    let before = ledger.processes().len();
    let again = installed(install(&ledger, &["greeter", "--hooks-only"]));
    assert_eq!(again["id"], record["id"]);
    assert_eq!(
        ledger.processes().len(),
        before,
        "nothing is run for what is there"
    );
}

#[test]
fn built_in_providers_come_first_and_hooks_can_be_left_out() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "env/on_BinaryRequest__00_env.sh", INSTALLS);
    plugin_file(&ledger, "mine/on_BinaryRequest__50_mine.sh", INSTALLS);
    let record = installed(install(&ledger, &["sh", "--providers", "env"]));
    assert_eq!(record["binprovider"], "env");
    assert!(
        !ledger.data().join("lib/mine/sh").exists(),
        "no hook was asked"
    );
    let record = installed(install(&ledger, &["greeter", "--providers", "env,mine"]));
    assert_eq!(record["binprovider"], "mine", "the answer says who");
    let without = [
        "binary",
        "install",
        "--json",
        "--no-hooks",
        "--providers",
        "mine",
        "other",
    ];
    let none = reasons(ledger.command(without));
    assert_eq!(none.len(), 1);
    assert!(none[0].2.contains("no provider mine"), "{none:?}");
    for other in ["--hooks-only", "--plugins=plugins"] {
        ledger
            .command(without)
            .args([other])
            .output()
            .expect_code(2);
    }
}

#[test]
fn every_hook_s_reason_is_kept() {
    let ledger = Ledger::new();
    for (path, script) in [
        (
            "a/on_BinaryRequest__10_a.sh",
            "echo nothing here >&2; exit 0",
        ),
        ("b/on_BinaryRequest__20_b.sh", "exit 10"),
        ("c/on_BinaryRequest__30_c.sh", "echo wrong >&2; exit 2"),
        ("d/on_BinaryRequest__40_d.sh", "echo broken >&2; exit 1"),
        (
            "e/on_BinaryRequest__50_e.sh",
            r#"echo '{"type":"Binary","name":"other","abspath":"/bin/sh","version":"1"}'"#,
        ),
        (
            "f/on_BinaryRequest__60_f.sh",
            r#"echo '{"type":"Binary","name":"greeter","abspath":"/nowhere","version":"1"}'"#,
        ),
        ("not/on_BinaryRequest__70_not.sh", "exit 1"),
    ] {
        plugin_file(&ledger, path, script);
    }
    let found = reasons(install(
        &ledger,
        &["greeter", "--hooks-only", "--providers", "f,e,d,c,b,a"],
    ));
    let brief: Vec<_> = found
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    assert_eq!(
        brief,
        [
            ("a", "skipped"),
            ("b", "skipped"),
            ("c", "failed"),
            ("d", "failed"),
            ("e", "skipped"),
            ("f", "failed")
        ]
    );
    for (reason, says) in found.iter().zip([
        "nothing here",
        "nothing to do",
        "how it was called",
        "broken",
        "nothing to do",
        "/nowhere is no program",
    ]) {
        assert!(reason.2.contains(says), "{reason:?}");
    }
}

#[test]
fn an_answer_of_an_earlier_run_is_no_answer() {
    let ledger = Ledger::new();
    let once = format!("[ -e ../once ] && exit 0; touch ../once; {INSTALLS} exit 1");
    plugin_file(&ledger, "mine/on_BinaryRequest__50_mine.sh", &once);
    let first = reasons(install(&ledger, &["greeter", "--hooks-only"]));
    assert_eq!(first[0].1, "failed");
    let second = reasons(install(&ledger, &["greeter", "--hooks-only"]));
    assert_eq!(second[0].1, "skipped", "{second:?}");
}

#[test]
fn what_else_an_installer_prints_is_taken_in() {
    let ledger = Ledger::new();
    let more = r#"echo '{"type":"BinaryRequest","name":"needed","binproviders":"env"}'
        echo '{"type":"Machine","config":{"SH_BINARY":"/bin/sh"}}'
        echo '{"type":"Tag","name":"x"}'; echo '{broken'"#;
    plugin_file(
        &ledger,
        "mine/on_BinaryRequest__50_mine.sh",
        &format!("{more}\n{INSTALLS}"),
    );
    installed(install(&ledger, &["greeter", "--hooks-only"]));
    let requests = ledger.run(["export", "--type", "Binary"]).expect_code(0);
    let names: Vec<_> = json_lines(&requests.stdout)
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert!(names.contains(&json!("needed")), "{names:?}");
    assert_eq!(
        ledger.json(["machine"])[0]["config"]["SH_BINARY"],
        "/bin/sh"
    );
}

#[test]
fn hostile_names_never_reach_a_hook() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "mine/on_BinaryRequest__50_mine.sh", INSTALLS);
    for name in ["-rf", "../x", "a/b", "a;b", "$(x)", &"x".repeat(10_000)] {
        let output = ledger
            .command([
                "binary",
                "install",
                "--hooks-only",
                "--plugins",
                "plugins",
                "--",
                name,
            ])
            .output();
        assert!(
            [Some(1), Some(2)].contains(&output.status.code()),
            "{}",
            output.report()
        );
    }
    assert!(ledger.processes().is_empty());
}

#[test]
fn a_hash_that_a_hook_says_has_to_be_right() {
    let ledger = Ledger::new();
    let wrong = INSTALLS.replace(
        r#"\"sha256\":\"\""#,
        &format!(r#"\"sha256\":\"{}\""#, "0".repeat(64)),
    );
    plugin_file(&ledger, "mine/on_BinaryRequest__50_mine.sh", &wrong);
    let none = reasons(install(&ledger, &["greeter", "--hooks-only"]));
    assert!(
        none[0].1 == "failed" && none[0].2.contains("has the sha256"),
        "{none:?}"
    );
    let right = INSTALLS.replace(
        r#"\"sha256\":\"\""#,
        r#"\"sha256\":\"$(sha256sum "$LIB_DIR/mine/$name" | cut -c1-64)\""#,
    );
    plugin_file(&ledger, "mine/on_BinaryRequest__50_mine.sh", &right);
    installed(install(&ledger, &["greeter", "--hooks-only"]));
}

#[test]
fn a_hook_that_removes_its_log_is_one_that_has_failed_or_not_by_what_is_left() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_BinaryRequest__10_a.sh",
        "rm -rf .hooks; echo gone >&2; exit 1",
    );
    plugin_file(
        &ledger,
        "mine/on_BinaryRequest__50_mine.sh",
        &format!("{INSTALLS}\nrm -rf .hooks"),
    );
    let record = install(
        &ledger,
        &["greeter", "--hooks-only", "--providers", "a,mine"],
    );
    let output = record.output();
    // The second has answered into a log that is not there: it counts as nothing said.
    let last = json_lines(&output.stdout).pop().expect("a record");
    let outcomes: Vec<_> = last["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["outcome"].clone())
        .collect();
    assert_eq!(outcomes[0], "failed", "{last}");
    assert_ne!(last["status"], "started", "{last}");
}

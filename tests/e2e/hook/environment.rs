//! What hooks are given.

use std::fs;

use hostledger_tests::Ledger;
use serde_json::{Value, json};

use super::{Ran, hook, plugin_file};

/// Tells its arguments and its environment as a record.
const TELLS: &str = "import json, os, sys
print(json.dumps({'type': 'Told', 'args': sys.argv[1:], 'env': dict(os.environ), 'cwd': os.getcwd()}))";

#[test]
fn arguments_are_written_as_hooks_read_them() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "a/on_X__10_a.py", TELLS);
    let given = [
        "snapshot_id=a b",
        "deep=true",
        "no=false",
        "none=null",
        "empty=",
        "tags=[\"a\"]",
        "name=-rf $(touch /tmp/x); \u{e9}",
    ];
    let arguments: Vec<&str> = given.iter().flat_map(|it| ["--arg", it]).collect();
    let ran = Ran::of(hook(&ledger, &["run", "X"]).args(arguments));
    assert_eq!(
        ran.records().next().unwrap()["args"],
        json!([
            "--snapshot-id=a b",
            "--deep",
            "--tags=[\"a\"]",
            "--name=-rf $(touch /tmp/x); \u{e9}"
        ])
    );
    hook(&ledger, &["run", "X", "--arg", "a b=1"])
        .output()
        .expect_refusal(1, &["\"a b\""]);
    hook(&ledger, &["run", "X", "--arg", "x"])
        .output()
        .expect_refusal(2, &["KEY=VALUE"]);
}

#[test]
fn the_environment_says_where_a_hook_is_and_how_it_is_configured() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "a/on_X__10_a.py", TELLS);
    plugin_file(
        &ledger,
        "a/config.json",
        r#"{"type":"object","required_plugins":["b"],"properties":{
            "A_ARGS":{"type":"array","default":["-x",1]},
            "A_DEEP":{"type":"boolean","default":false},
            "A_LEVEL":{"type":"integer","default":1,"x-aliases":["OLD_LEVEL"]},
            "A_AGENT":{"type":"string","default":"none","x-fallback":"USER_AGENT"},
            "A_COUNT":{"type":"integer","default":3},
            "PATH":{"type":"string","default":""}}}"#,
    );
    plugin_file(
        &ledger,
        "b/config.json",
        r#"{"properties":{"B_BINARY":{"default":"/opt/b/bin/b"}}}"#,
    );
    let run = hook(&ledger, &["run", "X"])
        .env("OLD_LEVEL", "4")
        .env("USER_AGENT", "us")
        .env("A_COUNT", "many")
        .env("INHERITED", "yes");
    let ran = Ran::of(run);
    let told = ran.records().next().unwrap();
    let env = |key: &str| {
        told["env"]
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let data = ledger.data().to_str().unwrap();
    assert_eq!(env("DATA_DIR"), data);
    assert_eq!(env("LIB_DIR"), format!("{data}/lib"));
    assert_eq!(env("ABXPKG_LIB_DIR"), format!("{data}/lib"));
    assert_eq!(env("LIB_BIN_DIR"), format!("{data}/lib/bin"));
    assert_eq!(
        env("NODE_MODULES_DIR"),
        format!("{data}/lib/npm/node_modules")
    );
    assert_eq!(env("NODE_PATH"), format!("{data}/lib/npm/node_modules"));
    let machine = &ledger.json(["machine"])[0];
    assert_eq!(env("MACHINE_ID"), machine["id"].as_str().unwrap());
    assert_eq!(env("A_ARGS"), r#"["-x",1]"#);
    assert_eq!(
        (env("A_DEEP"), env("A_LEVEL"), env("A_AGENT")),
        ("false".into(), "4".into(), "us".into())
    );
    assert_eq!(
        env("A_COUNT"),
        "3",
        "what does not fit is as good as not given"
    );
    assert_eq!(env("INHERITED"), "yes");
    assert!(
        // Where python3 is a script that finds the true one, that puts its own in front.
        env("PATH").contains(&format!("/opt/b/bin:{data}/lib/bin:")),
        "{}",
        env("PATH")
    );
    let base = ledger.path("a");
    assert_eq!(told["cwd"], base.to_str().unwrap());
    assert_eq!(env("SNAP_DIR"), base.parent().unwrap().to_str().unwrap());
    assert!(
        ran.output
            .stderr_text()
            .contains("A_COUNT of the plugin a is ignored")
    );
}

#[test]
fn path_is_never_empty() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_a.sh",
        "echo \"{\\\"type\\\":\\\"Told\\\",\\\"path\\\":\\\"$PATH\\\"}\"",
    );
    for change in [
        |it: hostledger_tests::Invocation| it.env("PATH", ""),
        |it: hostledger_tests::Invocation| it.env_remove("PATH"),
    ] {
        let ran = Ran::of(change(hook(&ledger, &["run", "X"])));
        let told = ran
            .records()
            .next()
            .ok_or_else(|| ran.output.report())
            .unwrap();
        assert!(
            told["path"]
                .as_str()
                .unwrap()
                .ends_with("/lib/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        );
    }
}

/// Which files of a ledger hold a text.
fn holding(ledger: &Ledger, text: &str) -> Vec<String> {
    let found = ledger
        .other("sh")
        .args(["-c", "grep -rl \"$2\" \"$1\"; true", "sh"])
        .arg(ledger.data())
        .arg(text)
        .output();
    found.stdout_text().lines().map(str::to_owned).collect()
}

#[test]
fn secret_settings_reach_a_hook_and_no_record() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_a.sh",
        r#"echo "$A_API $A_LOGIN $A_TOKEN $A_OWN" > "$SNAP_DIR/given""#,
    );
    plugin_file(
        &ledger,
        "a/config.json",
        r#"{"properties":{"A_API":{"type":"string","x-aliases":["OLD_API"],"x-sensitive":true},
                          "A_LOGIN":{"type":"string","x-fallback":"LOGIN","x-sensitive":true},
                          "A_OWN":{"type":"string","x-sensitive":true},
                          "A_TOKEN":{"type":"string","x-aliases":["OLD_TOKEN"]}}}"#,
    );
    let run = hook(&ledger, &["run", "X"])
        .env("OLD_API", "pssst-1")
        .env("LOGIN", "pssst-3")
        .env("OLD_TOKEN", "pssst-2")
        .env("A_OWN", "pssst-5");
    let ran = Ran::of(run);
    let given = fs::read_to_string(ledger.path("given")).unwrap();
    assert_eq!(given.trim_end(), "pssst-1 pssst-3 pssst-2 pssst-5");
    let process = ran.processes().next().unwrap();
    let id = process["id"].as_str().unwrap();
    let made = fs::read_to_string(ledger.path("a/.hooks/on_X__10_a.sh/cmd.sh")).unwrap();
    let script = ledger.run(["show", "--script", id]).expect_code(0);
    let exported = ledger.run(["export", "--type", "Process"]).expect_code(0);
    let told = process.to_string();
    for text in [
        made.as_str(),
        script.stdout_text(),
        exported.stdout_text(),
        &told,
    ] {
        assert!(!text.contains("pssst"), "{text}");
    }
    for number in [1, 2, 3, 5] {
        let files = holding(&ledger, &format!("pssst-{number}"));
        assert_eq!(files, Vec::<String>::new(), "{number}");
    }
}

#[test]
fn a_program_that_the_launcher_names_for_a_hook_is_known_and_refused_when_it_has_changed() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "web/on_X__10_web.sh", "exit 0");
    let program = ledger.path("opt/browser");
    let write = |text: &str| {
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).unwrap();
    };
    write("echo 1.0");
    let path = program.to_str().unwrap();
    let binary = ledger.json(["binary", "install", path, "--providers", "env"])[0].clone();
    let strict = || hook(&ledger, &["run", "X", "--strict"]).env("WEB_BINARY", path);
    let ran = Ran::of(strict());
    let process = ran.process("on_X__10_web.sh");
    assert_eq!(
        process["binary_id"],
        binary["id"],
        "{}",
        ran.output.report()
    );
    write("echo 1.1");
    let refused = strict().output().expect_code(1);
    assert!(
        refused.stderr_text().contains("has changed"),
        "{}",
        refused.report()
    );
}

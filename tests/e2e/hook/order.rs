//! Which hooks run, and one after the other.

use std::fs;

use hostledger_tests::Ledger;

use super::{Ran, hook, plugin_file, run};

#[test]
fn foreground_hooks_run_one_after_the_other_by_file_name() {
    let ledger = Ledger::new();
    // Each notes its begin and its end in one file.
    let noting =
        |what: &str| format!("echo {what} >> ../order; sleep 0.1; echo {what} >> ../order");
    for (path, what) in [
        ("z/on_X__10_first.sh", "1"),
        ("a/on_X__20_second.sh", "2"),
        ("on_X__30_third.sh", "3"),
        ("a/on_Y__00_other.sh", "other"),
        ("a/on_X__05_no.sh.bak", "backup"),
    ] {
        plugin_file(&ledger, path, &noting(what));
    }
    let ran = run(&ledger);
    assert_eq!(
        fs::read_to_string(ledger.path("order")).unwrap(),
        "1\n1\n2\n2\n3\n3\n"
    );
    let names: Vec<_> = ran.processes().map(|row| row["plugin"].clone()).collect();
    assert_eq!(names, ["z", "a", "plugins"]);
    assert!(ran.processes().all(|row| row["process_type"] == "hook"));
    ran.output.expect_code(0);
}

#[test]
fn an_event_is_named_with_and_without_its_class() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "a/on_X__10_a.py", "print('{\"type\":\"A\"}')");
    plugin_file(&ledger, "a/on_XEvent__20_b.sh", "echo '{\"type\":\"B\"}'");
    for event in ["X", "XEvent"] {
        let ran = Ran::of(hook(&ledger, &["run", event]));
        let types: Vec<_> = ran.records().map(|record| record["type"].clone()).collect();
        assert_eq!(types, ["B", "A"], "{event}: by the names of their files");
    }
    hook(&ledger, &["run", "../X"])
        .output()
        .expect_refusal(2, &["../X"]);
}

#[test]
fn a_hook_that_fails_does_not_keep_the_others_from_running() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "a/on_X__10_bad.sh", "exit 3");
    plugin_file(&ledger, "a/on_X__20_good.sh", "touch ../done");
    let ran = run(&ledger);
    assert!(ledger.path("done").exists());
    assert_eq!(ran.process("on_X__10_bad.sh")["verdict"], "failed");
    ran.output.expect_code(1);
}

#[test]
fn a_plugin_can_be_picked_and_one_that_is_off_does_not_run() {
    let ledger = Ledger::new();
    for name in ["a", "b", "c"] {
        plugin_file(&ledger, &format!("{name}/on_X__10_{name}.sh"), "touch ran");
    }
    plugin_file(&ledger, "c/config.json", r#"{"required_plugins": ["b"]}"#);
    let has_run = |name: &str| {
        let file = ledger.path(name).join("ran");
        let there = file.exists();
        drop(fs::remove_file(file));
        there
    };
    hook(&ledger, &["run", "X", "--plugin", "b"])
        .output()
        .expect_code(0);
    assert_eq!(["a", "b", "c"].map(has_run), [false, true, false]);
    hook(&ledger, &["run", "X"])
        .env("B_ENABLED", "no")
        .output()
        .expect_code(0);
    assert_eq!(["a", "b", "c"].map(has_run), [true, false, false]);
    hook(&ledger, &["run", "X"])
        .env("PLUGINS", "c")
        .output()
        .expect_code(0);
    assert_eq!(["a", "b", "c"].map(has_run), [false, true, true]);
    let output = hook(&ledger, &["run", "X", "--plugin", "b"])
        .env("B_ENABLED", "0")
        .output()
        .expect_code(0);
    assert!(
        output.stderr_text().contains("B_ENABLED is off"),
        "{}",
        output.report()
    );
    hook(&ledger, &["run", "X", "--plugin", "nobody"])
        .output()
        .expect_refusal(1, &["no plugin has a hook"])
        .expect_hint();
}

#[test]
fn installers_are_named_by_the_allow_list_and_by_nothing_else() {
    let ledger = Ledger::new();
    for (path, code) in [
        ("env/on_BinaryRequest__00_env.sh", "exit 0"),
        ("pip/on_Binary__10_pip_install.sh", "exit 0"),
        ("npm/on_Binary__install_npm.sh", "exit 0"),
    ] {
        plugin_file(&ledger, path, code);
    }
    let plugins = |list: &str| {
        let list = format!("binproviders={list}");
        let run = hook(
            &ledger,
            &["run", "BinaryRequest", "--arg", "name=x", "--arg", &list],
        );
        let ran = Ran::of(run.env("PIP_ENABLED", "0").env("PLUGINS", "none"));
        let names: Vec<_> = ran.processes().map(|row| row["plugin"].clone()).collect();
        names
    };
    assert_eq!(plugins("pip,env"), ["env", "pip"]);
    assert_eq!(plugins("*"), ["env", "pip", "npm"]);
    assert_eq!(plugins(""), ["env", "pip", "npm"]);
}

#[test]
fn plugins_that_require_one_another_run() {
    let ledger = Ledger::new();
    for (name, other) in [("a", "b"), ("b", "a")] {
        let config = format!(r#"{{"required_plugins": ["{other}", "{name}"]}}"#);
        plugin_file(&ledger, &format!("{name}/config.json"), &config);
        plugin_file(&ledger, &format!("{name}/on_X__10_{name}.sh"), "exit 0");
    }
    let ran = run(&ledger);
    assert_eq!(ran.processes().count(), 2);
    ran.output.expect_code(0);
    let ran = Ran::of(hook(&ledger, &["run", "X"]).env("A_ENABLED", "false"));
    assert_eq!(ran.processes().count(), 0, "what requires it is off, too");
}

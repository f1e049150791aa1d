//! How hooks end.

use hostledger_tests::Ledger;
use serde_json::Value;

use super::{Ran, hook, plugin_file, run};

#[test]
fn exit_codes_are_told_apart() {
    let ledger = Ledger::new();
    for (name, script, verdict) in [
        ("on_X__10_good.sh", "exit 0", "succeeded"),
        ("on_X__20_nothing.sh", "exit 10", "skipped"),
        ("on_X__30_usage.sh", "exit 2", "usage"),
        ("on_X__40_bad.sh", "exit 1", "failed"),
        ("on_X__50_signal.sh", "kill -KILL $$", "failed"),
    ] {
        plugin_file(&ledger, &format!("a/{name}"), script);
        let ran = run(&ledger);
        assert_eq!(ran.process(name)["verdict"], verdict);
    }
    let text = hook(&ledger, &["run", "X"]).output().expect_code(1);
    assert!(
        text.stdout_text()
            .contains("on_X__40_bad.sh: failed (exit code 1) in ")
    );
}

#[test]
fn an_interpreter_that_is_not_there_is_a_failure() {
    let ledger = Ledger::new();
    plugin_file(&ledger, "a/on_X__10_a.py", "print('{\"type\":\"A\"}')");
    let ran = Ran::of(hook(&ledger, &["run", "X"]).env("HOSTLEDGER_PYTHON", "/nowhere/python"));
    let process = ran.process("on_X__10_a.py");
    assert_eq!(
        (&process["verdict"], &process["exit_code"]),
        (&"failed".into(), &127.into())
    );
    ran.output.expect_code(1);
}

#[test]
fn an_installer_succeeds_with_a_record_of_the_name_that_was_asked_for() {
    let ledger = Ledger::new();
    let record = |name: &str| {
        format!(
            r#"echo '{{"type":"Binary","name":"{name}","abspath":"/bin/sh","version":"1.0","sha256":"","binprovider":"env"}}'"#
        )
    };
    let verdict = |script: &str| -> Value {
        plugin_file(&ledger, "env/on_BinaryRequest__00_env.sh", script);
        let ran = Ran::of(hook(
            &ledger,
            &["run", "BinaryRequest", "--arg", "name=good"],
        ));
        ran.processes().next().unwrap()["verdict"].clone()
    };
    assert_eq!(verdict(&record("good")), "succeeded");
    assert_eq!(verdict(&record("other")), "skipped");
    assert_eq!(verdict("echo nothing"), "skipped");
    assert_eq!(verdict("exit 10"), "skipped");
    assert_eq!(verdict(&format!("{}; exit 1", record("good"))), "failed");
}

//! Options of `run` that set a program up.

use std::fs;

use hostledger_tests::Ledger;
use serde_json::json;

#[test]
fn a_name_is_for_people() {
    let ledger = Ledger::new();
    ledger
        .run(["run", "--name", "nightly ü", "--", "true"])
        .expect_code(0);
    assert_eq!(ledger.process()["name"], "nightly ü");
    let listed = ledger.run(["ps", "--all"]).expect_code(0);
    assert!(
        listed.stdout_text().contains("nightly ü"),
        "{}",
        listed.report()
    );
}

#[test]
fn a_program_runs_in_the_directory_that_is_given() {
    let ledger = Ledger::new();
    let directory = ledger.path("sub");
    fs::create_dir(&directory).unwrap();
    let text = directory.to_str().unwrap();
    for given in [text, "sub", "./sub"] {
        let output = ledger
            .run(["run", "--cwd", given, "--", "sh", "-c", "pwd -P"])
            .expect_code(0);
        assert_eq!(output.stdout_text().trim_end(), text, "{given}");
        let pwd = ledger.processes().pop().unwrap()["pwd"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            pwd.starts_with('/') && fs::canonicalize(&pwd).unwrap() == directory,
            "{pwd}"
        );
    }
}

#[test]
fn nice_value_umask_and_limits_are_set_and_recorded() {
    let ledger = Ledger::new();
    let script = "nice; umask; ulimit -Sn; ulimit -Hn; ulimit -c";
    let output = ledger
        .run([
            "run",
            "--nice",
            "7",
            "--umask",
            "077",
            "--rlimit",
            "nofile=64:128",
            "--rlimit",
            "core=0",
            "--",
            "sh",
            "-c",
            script,
        ])
        .expect_code(0);
    assert_eq!(output.stdout_text(), "7\n0077\n64\n128\n0\n");
    let launch = &ledger.process()["launch"];
    assert_eq!(launch["nice"], 7);
    assert_eq!(launch["umask"], 0o77);
    let limit = |name: &str, soft, hard| json!({"name": name, "soft": soft, "hard": hard});
    assert_eq!(
        launch["rlimits"],
        json!([limit("nofile", 64, 128), limit("core", 0, 0)])
    );
    let shown = ledger.run(["show", &ledger.last_id()]).expect_code(0);
    for line in ["nice: 7\n", "umask: 077\n", "rlimit: nofile=64:128\n"] {
        assert!(shown.stdout_text().contains(line), "{}", shown.report());
    }
}

#[test]
fn what_is_not_given_is_not_recorded() {
    let ledger = Ledger::new();
    ledger.sh("true").expect_code(0);
    let process = ledger.process();
    for field in ["launch", "name", "timeout", "detached", "kill_mode", "stop"] {
        assert!(process.get(field).is_none(), "{field} in {process:#}");
    }
    // That there is none is said: others take a record that says nothing for one of two minutes.
    assert_eq!(process.get("timeout_ms"), Some(&serde_json::Value::Null));
}

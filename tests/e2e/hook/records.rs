//! Records of hooks that the ledger takes in.

use hostledger_tests::{DEADLINE, Ledger};
use serde_json::{Value, json};

use super::{Ran, hook, plugin_file, run};

/// A hook that prints these records.
fn printing(records: &[Value]) -> String {
    let lines: Vec<_> = records.iter().map(|record| format!("{record}\n")).collect();
    format!("cat <<'END'\n{}END\n", lines.concat())
}

fn binaries(ledger: &Ledger) -> Vec<Value> {
    let mut all = ledger.export();
    all.retain(|record| ["Binary", "BinaryRequest"].contains(&record["type"].as_str().unwrap()));
    all
}

#[test]
fn binaries_requests_and_what_the_machine_is_told_are_taken_in_and_all_are_told() {
    let ledger = Ledger::new();
    let script = printing(&[
        json!({"type": "BinaryRequest", "name": "black", "binproviders": "env,pip",
               "overrides": {"pip": {"install_args": ["black[d]"]}}}),
        json!({"type": "Binary", "name": "sh", "abspath": "/bin/sh", "version": "1.0",
               "sha256": "", "binprovider": "env", "env": {"X": "y"}}),
        json!({"type": "Machine", "config": {"SH_BINARY": "/bin/sh", "OTHER": 1}}),
        json!({"type": "Snapshot", "url": "https://x"}),
        json!({"type": "Process", "cmd": ["true"]}),
    ]);
    plugin_file(&ledger, "a/on_X__10_a.sh", &script);
    let ran = run(&ledger);
    assert_eq!(ran.process("on_X__10_a.sh")["records"], 5);
    let types: Vec<_> = ran
        .lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "BinaryRequest",
            "Binary",
            "Machine",
            "Snapshot",
            "Process",
            "Process"
        ]
    );
    assert!(ran.lines.iter().all(|line| line["plugin"] == "a"));

    let taken = binaries(&ledger);
    assert_eq!(taken.len(), 2, "{taken:#?}");
    assert_eq!(
        (&taken[0]["name"], &taken[0]["status"]),
        (&json!("black"), &json!("queued"))
    );
    assert_eq!(
        taken[0]["overrides"]["pip"]["install_args"],
        json!(["black[d]"])
    );
    assert_eq!(
        (&taken[1]["name"], &taken[1]["status"]),
        (&json!("sh"), &json!("installed"))
    );
    assert_eq!(taken[1]["abspath"], "/bin/sh");
    let machine = &ledger.json(["machine"])[0];
    assert_eq!(machine["config"], json!({"SH_BINARY": "/bin/sh"}));
    assert_eq!(
        ledger.processes().len(),
        1,
        "a process is the caller's to run"
    );
    run(&ledger);
    assert_eq!(binaries(&ledger).len(), 2, "the same ones again");
}

#[test]
fn a_record_that_is_none_is_refused_and_the_others_are_taken() {
    let ledger = Ledger::new();
    let mut records = vec![json!({"type": "Binary", "name": ""}); 20];
    records.push(json!({"type": "BinaryRequest", "name": "x".repeat(64), "binproviders": ""}));
    records.push(json!({"type": "BinaryRequest", "name": "good", "binproviders": ""}));
    plugin_file(&ledger, "a/on_X__10_a.sh", &printing(&records));
    let ran = run(&ledger);
    assert_eq!(ran.process("on_X__10_a.sh")["refused_records"], 21);
    let told = ran.output.stderr_text();
    assert!(
        told.contains("there is no \"name\"") && told.contains("21 records"),
        "{told}"
    );
    assert!(told.lines().count() < 10, "{told}");
    assert_eq!(binaries(&ledger)[0]["name"], "good");
}

#[test]
fn that_something_is_installed_is_not_believed_of_a_hook_that_failed() {
    let ledger = Ledger::new();
    let script = printing(&[
        json!({"type": "Binary", "name": "sh", "abspath": "/bin/sh", "version": "1.0"}),
        json!({"type": "BinaryRequest", "name": "wget", "binproviders": "env"}),
    ]);
    plugin_file(&ledger, "a/on_X__10_a.sh", &(script + "exit 1"));
    let ran = run(&ledger);
    assert_eq!(ran.records().count(), 2, "both are told");
    let taken = binaries(&ledger);
    assert_eq!((taken.len(), &taken[0]["name"]), (1, &json!("wget")));
}

#[test]
fn ten_thousand_requests_are_taken_in_together() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_many.py",
        "for n in range(10000): print('{\"type\":\"BinaryRequest\",\"name\":\"p%d\",\"binproviders\":\"pip\"}' % (n // 2))",
    );
    // Some seconds of work in a build for tests, which others may share the processors with.
    let ran = Ran::of(hook(&ledger, &["run", "X"]).limit(4 * DEADLINE));
    assert_eq!(ran.process("on_X__10_many.py")["records"], 10_000);
    assert_eq!(binaries(&ledger).len(), 5_000);
}

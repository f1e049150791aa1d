//! Records of others, taken in line by line.

use hostledger_tests::{Ledger, json_lines};
use serde_json::{Value, json};

fn import(ledger: &Ledger, lines: &str) -> hostledger_tests::Output {
    let command = ledger.command(["import", "-", "--json"]);
    command.input(lines).output()
}

fn binaries(ledger: &Ledger) -> Vec<Value> {
    ledger.json(["binary", "list"])
}

#[test]
fn a_binary_is_installed_or_asked_for_as_its_record_says() {
    let ledger = Ledger::new();
    let lines = r#"
        # the four cases
        {"type":"Binary","name":"a","abspath":"/bin/a","version":"1.0","binproviders":"env,apt"}
        {"type":"BinaryRequest","name":"b","binproviders":"pip","overrides":{"pip":{"packages":["b2"]}}}
        {"type":"Binary","name":"c","abspath":"/bin/c","version":"2.0","binprovider":"npm"}
        {"type":"Binary","name":"d"}
        {"type":"Binary","name":"a","abspath":"/bin/a","version":"1.1"}
        {"type":"Other","x":1}
        no JSON
    "#;
    let output = import(&ledger, lines).expect_code(1);
    let told = json_lines(&output.stdout);
    let results: Vec<_> = told.iter().filter_map(|it| it["result"].as_str()).collect();
    assert_eq!(
        results,
        ["created", "created", "created", "refused", "updated"]
    );
    assert!(
        told.iter()
            .any(|it| *it == json!({"type": "Other", "x": 1})),
        "passed on"
    );
    let warned = output.stderr_text();
    assert!(warned.contains("line 8: passed on") && warned.contains("1 lines are no JSON"));

    let binaries = binaries(&ledger);
    let field = |name: &str, key: &str| {
        let found = binaries.iter().find(|it| it["name"] == name).unwrap();
        found[key].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(field("a", "status"), "installed");
    assert_eq!(field("a", "version"), "1.1");
    assert_eq!(
        field("a", "binproviders"),
        "env,apt",
        "the allow-list stays"
    );
    assert_eq!(field("b", "status"), "queued");
    assert_eq!(field("c", "binprovider"), "npm");
    assert_eq!(binaries.len(), 3);
}

#[test]
fn what_one_ledger_exports_another_takes_in() {
    let (from, to) = (Ledger::new(), Ledger::new());
    from.run(["run", "--", "true"]).expect_code(0);
    import(
        &from,
        r#"{"type":"Binary","name":"a","abspath":"/bin/a","version":"1.0"}"#,
    )
    .expect_code(0);
    let lines = from.run(["export", "--type", "Binary", "--type", "Process"]);
    let lines = lines.expect_code(0).stdout_text().to_owned();
    let told = json_lines(&import(&to, &lines).expect_code(0).stdout);
    let results: Vec<_> = told
        .iter()
        .map(|it| it["result"].as_str().unwrap())
        .collect();
    assert_eq!(results, ["created", "created"]);
    let process = to.process();
    assert_eq!(
        (&process["status"], &process["cmd"]),
        (&json!("queued"), &json!(["true"]))
    );

    let again = json_lines(&import(&from, &lines).expect_code(0).stdout);
    assert_eq!(
        again[1]["result"], "unchanged",
        "a process that is known stays as it is"
    );
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let ledger = Ledger::new();
    let output = ledger.run(["import", "nowhere.jsonl"]);
    output.expect_refusal(1, &["cannot open nowhere.jsonl"]);
}

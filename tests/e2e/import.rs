//! Records of others, taken in line by line.

use hostledger_tests::{Ledger, json_lines};
use serde_json::{Value, json};

use crate::others::others;

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

/// What became of each record, by the lines that `import` prints.
#[track_caller]
fn results(output: &hostledger_tests::Output) -> Vec<String> {
    let told = json_lines(&output.stdout);
    let result = |it: &Value| it["result"].as_str().unwrap_or("passed on").to_owned();
    told.iter().map(result).collect()
}

/// The records of a kind, without what is told apart by the ledger that keeps them.
#[track_caller]
fn exported(ledger: &Ledger, kind: &str) -> Vec<Value> {
    let lines = ledger.run(["export", "--type", kind]).expect_code(0);
    let mut records = json_lines(&lines.stdout);
    for record in &mut records {
        let fields = record.as_object_mut().unwrap();
        // What was due before is due now.
        for key in ["machine_id", "binary_id", "iface_id", "log", "retry_at"] {
            fields.remove(key);
        }
    }
    records
}

#[test]
fn what_one_ledger_exports_another_takes_in() {
    let (from, to) = (Ledger::new(), Ledger::new());
    import(
        &from,
        r#"{"type":"Machine","config":{"SH_BINARY":"/bin/sh"}}
        {"type":"Binary","name":"sh","abspath":"/bin/sh","version":"1.0","binproviders":"env"}
        {"type":"BinaryRequest","name":"wanted","binproviders":"env"}
        {"type":"NetworkInterface","ip_public":"2001:db8::1","ip_local":"10.0.0.7","mac_address":"00:00:5e:00:53:01","dns_server":"9.9.9.9","iface":"eth9","city":"B","num_uses_succeeded":3}"#,
    )
    .expect_code(0);
    from.run([
        "run",
        "--timeout",
        "90s",
        "--",
        "/bin/sh",
        "-c",
        "echo x >> count; exit 3",
    ])
    .expect_code(3);
    from.run(["submit", "--name", "later", "--", "true"])
        .expect_code(0);
    let lines = from.run(["export"]).expect_code(0).stdout_text().to_owned();
    let first = results(&import(&to, &lines).expect_code(0));
    // The machine, two interfaces, two programs, two processes.
    assert_eq!(first.len(), 7, "{first:?}");
    assert!(!first.contains(&"refused".to_owned()), "{first:?}");

    let (processes, theirs) = (exported(&from, "Process"), exported(&to, "Process"));
    assert_eq!(theirs, processes);
    let by_name = |records: Vec<Value>| {
        let mut records: Vec<Value> = records
            .into_iter()
            .map(|mut it| {
                it.as_object_mut().unwrap().remove("id");
                it
            })
            .collect();
        records.sort_by_key(ToString::to_string);
        records
    };
    for kind in ["Binary", "NetworkInterface"] {
        let kept = by_name(exported(&to, kind));
        for record in by_name(exported(&from, kind)) {
            let uses = |it: &Value| {
                let mut it = it.clone();
                it["num_uses_succeeded"] = Value::Null;
                it["num_uses_failed"] = Value::Null;
                it["health"] = Value::Null;
                it
            };
            assert!(
                kept.iter().any(|it| uses(it) == uses(&record)),
                "{record} {kept:#?}"
            );
        }
    }
    assert_eq!(to.json(["machine"])[0]["config"]["SH_BINARY"], "/bin/sh");
    let process = &to.json(["ps", "--all"])[0];
    let program = to.json(["binary", "show", "sh"])[0]["id"].clone();
    assert_eq!(
        process["binary_id"], program,
        "under the id that it has here"
    );
    let interfaces = json_lines(&to.run(["export", "--type", "NetworkInterface"]).stdout);
    assert!(interfaces.iter().any(|it| it["id"] == process["iface_id"]));
    assert_eq!(
        to.json(["ps", "--status", "queued"])[0]["timeout_ms"],
        Value::Null
    );

    let again = results(&import(&to, &lines).expect_code(0));
    let processes = &again[5..];
    assert_eq!(processes, ["unchanged", "unchanged"], "{again:?}");
    to.run(["work", "--once"]).expect_code(0);
    let count = std::fs::read_to_string(from.path("count")).unwrap();
    assert_eq!(count, "x\n", "what has ended is not run again");
    assert_eq!(to.json(["ps", "--all", "--type", "cli"]).len(), 2);
}

#[test]
fn a_process_is_history_or_queued_or_refused_by_its_status() {
    let ledger = Ledger::new();
    let id = |digit: u8| format!("0198c0de-0000-7000-8000-00000000000{digit}");
    let lines = format!(
        r#"{{"type":"Process","id":"{}","cmd":["a"],"pwd":"/","status":"exited","exit_code":null,"outcome":"lost"}}
        {{"type":"Process","id":"{}","cmd":["true"],"pwd":"/","status":"queued"}}
        {{"type":"Process","id":"{}","cmd":["true"],"pwd":"/"}}
        {{"type":"Process","id":"{}","cmd":["a"],"pwd":"/","status":"running","pid":1}}
        {{"type":"Process","cmd":["a"],"pwd":"/","status":"exited"}}
        {{"type":"Process","id":"{}","cmd":["a�b"],"pwd":"/"}}"#,
        id(1),
        id(2),
        id(3),
        id(4),
        id(5)
    );
    let output = import(&ledger, &lines).expect_code(1);
    let expected = [
        "created", "created", "created", "refused", "refused", "refused",
    ];
    assert_eq!(results(&output), expected);
    let reasons = output.stdout_text();
    for says in ["take it in when it has ended", "needs an", "U+FFFD"] {
        assert!(reasons.contains(says), "{says}: {reasons}");
    }
    let known = import(&ledger, &lines).expect_code(1);
    assert_eq!(
        results(&known)[..3],
        ["unchanged", "unchanged", "unchanged"]
    );
    ledger.run(["work", "--once"]).expect_code(0);
    let rows = ledger.processes();
    let status: Vec<_> = rows
        .iter()
        .map(|it| (&it["outcome"], &it["timeout"]))
        .collect();
    let expected = [
        (&json!("lost"), &json!(120)),
        (&json!("exited"), &json!(120)),
        (&json!("exited"), &json!(120)),
    ];
    assert_eq!(status, expected, "what says nothing has 120 seconds");
}

#[test]
fn what_is_due_later_is_due_then_wherever_it_is_taken_in() {
    let [first, second] = [(); 2].map(|()| Ledger::new());
    let queued = first.run(["submit", "--in", "1h", "--", "true"]);
    queued.expect_code(0);
    let due = first.process()["retry_at"].clone();
    assert!(due.is_string(), "{due}");
    let told = first.run(["export"]).expect_code(0);
    import(&second, told.stdout_text()).expect_code(0);
    second.run(["work", "--once"]).expect_code(0);
    let process = second.process();
    assert_eq!(
        (&process["status"], &process["retry_at"]),
        (&json!("queued"), &due)
    );
}

#[test]
fn lines_that_are_no_text_or_without_end_do_no_harm() {
    let ledger = Ledger::new();
    let mut lines = b"{\"type\":\"Process\",\"cmd\":[\"rm\",\"a-\xff\"]}\n".to_vec();
    lines.extend(std::iter::repeat_n(b'x', 17 << 20));
    lines.extend(b"\n{\"type\":\"Process\",\"cmd\":[\"true\"]}");
    std::fs::write(ledger.path("lines"), lines).unwrap();
    let output = ledger.run(["import", "lines", "--json"]).expect_code(1);
    assert_eq!(results(&output), ["refused", "created"]);
    assert!(output.stderr_text().contains("1 lines are no JSON"));
    assert!(output.stdout_text().contains("longer than 16777216 bytes"));
    assert_eq!(ledger.processes().len(), 1);
}

#[test]
fn what_plugins_need_is_asked_for_once() {
    let ledger = Ledger::new();
    let plugin = ledger.path("plugins/shell");
    std::fs::create_dir_all(&plugin).unwrap();
    std::fs::write(
        plugin.join("config.json"),
        r#"{"properties":{"SHELL_BINARY":{"type":"string","default":"sh"}},
            "required_binaries":[{"name":"{SHELL_BINARY}","binproviders":"env","min_version":null}]}"#,
    )
    .unwrap();
    let list = ["hook", "list", "--binaries", "--plugins", "plugins"];
    let lines = ledger.run(list).expect_code(0).stdout_text().to_owned();
    assert_eq!(
        results(&import(&ledger, &lines).expect_code(0)),
        ["created"]
    );
    ledger.run(["work", "--once"]).expect_code(0);
    let installed = ledger.json(["binary", "show", "sh"])[0].clone();
    assert_eq!(
        (&installed["status"], &installed["binprovider"]),
        (&json!("installed"), &json!("env"))
    );
    assert_eq!(
        results(&import(&ledger, &lines).expect_code(0)),
        ["unchanged"]
    );
    assert_eq!(ledger.json(["binary", "show", "sh"])[0], installed);
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let ledger = Ledger::new();
    let output = ledger.run(["import", "nowhere.jsonl"]);
    output.expect_refusal(1, &["cannot open nowhere.jsonl"]);
}

#[test]
fn secrets_are_taken_in_where_their_program_is_to_run() {
    let ledger = Ledger::new();
    let other = ledger.json(["machine"])[0]["id"].clone();
    let renamed = others(&ledger, "UPDATE machine_machine SET guid = 'of another'");
    assert_eq!(renamed, 1);
    assert_ne!(ledger.json(["machine"])[0]["id"], other);
    let record = |env: Value| {
        let record = json!({"type": "Process", "cmd": ["true"], "env": env, "machine_id": other});
        format!("{record}\n")
    };
    let lines = record(json!({"PLAIN": "1"})) + &record(json!({"API_TOKEN": "hunter2"}));
    let output = import(&ledger, &lines).expect_code(1);
    let told = json_lines(&output.stdout);
    assert_eq!(told[0]["result"], "created", "{told:?}");
    let reason = told[1]["reason"].as_str().unwrap();
    assert!(
        reason.contains("API_TOKEN") && reason.contains("take it in there"),
        "{reason}"
    );
    assert!(!reason.contains("hunter2"), "{reason}");
    let queued = ledger.processes();
    assert_eq!(queued.len(), 1, "{queued:?}");
    assert_eq!(queued[0]["machine_id"], other);
}

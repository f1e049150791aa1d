//! What hooks print.

use std::fs;

use hostledger_tests::Ledger;
use serde_json::json;

use super::{Ran, hook, plugin_file, run};

#[test]
fn records_are_found_between_plain_text_and_say_where_they_come_from() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_a.py",
        r#"import sys
print("installing things")
print('{"type":"Tag","name":"one"}', flush=True)
sys.stdout.buffer.write(b"\xff\xfe no text\n\n# a note\n[1]\n{}\n")
print('  {"type":"Tag","name":"two","plugin":"mine"}  ')
print("noise on stderr", file=sys.stderr)
sys.stdout.write('{"type":"Tag","name":"no end"}')"#,
    );
    let ran = run(&ledger);
    let script = ledger.path("plugins/a/on_X__10_a.py");
    let named: Vec<_> = ran.records().map(|record| &record["name"]).collect();
    assert_eq!(named, [&json!("one"), &json!("two"), &json!("no end")]);
    let one = ran.records().next().unwrap();
    assert_eq!(one["plugin"], "a");
    assert_eq!(one["hook_name"], "on_X__10_a.py");
    assert_eq!(one["plugin_hook"], script.to_str().unwrap());
    assert_eq!(ran.records().nth(1).unwrap()["plugin"], "mine");
    assert_eq!(ran.process("on_X__10_a.py")["malformed_lines"], 0);
}

#[test]
fn malformed_lines_are_told_and_the_others_are_read() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_a.sh",
        "echo '{\"type\":\"Cut\"'; echo '{type: 1}'; echo '{\"type\":\"Good\"}'; printf '{\"type\"'",
    );
    let ran = run(&ledger);
    assert_eq!(ran.records().count(), 1);
    assert_eq!(ran.process("on_X__10_a.sh")["malformed_lines"], 3);
    assert!(
        ran.output.stderr_text().contains("3 lines"),
        "{}",
        ran.output.report()
    );
    ran.output.expect_code(0);
}

#[test]
fn a_hundred_megabytes_of_text_take_little_memory() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_loud.sh",
        "yes 'a line that nobody reads' | head -c 50000000; head -c 50000000 /dev/zero; echo; \
         echo '{\"type\":\"Good\"}'",
    );
    // hostledger itself, and what it starts, may have this much address space for data.
    let limit = "ulimit -d 90000; exec \"$@\"";
    let program = hostledger_tests::hostledger();
    let run = ledger
        .other("sh")
        .args(["-c", limit, "sh"])
        .arg(program)
        .args(["--data"])
        .arg(ledger.data())
        .args(["hook", "run", "X", "--plugins", "plugins"]);
    let ran = Ran::of(run);
    assert_eq!(ran.records().count(), 1, "{}", ran.output.report());
    let process = ran.process("on_X__10_loud.sh");
    assert!(process["stdout_bytes"].as_u64().unwrap() > 100_000_000);
    let log = ledger.path("a/.hooks/on_X__10_loud.sh/stdout.log");
    assert!(fs::metadata(log).unwrap().len() > 100_000_000);
    assert!(fs::metadata(ledger.database()).unwrap().len() < 2_000_000);
}

#[test]
fn a_hundred_thousand_records_are_told_one_by_one() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_many.py",
        "for n in range(100000): print('{\"type\":\"Snapshot\",\"url\":\"https://x/%d\"}' % n)",
    );
    let ran = run(&ledger);
    assert_eq!(ran.records().count(), 100_000);
    assert_eq!(ran.records().last().unwrap()["url"], "https://x/99999");
    assert_eq!(ran.process("on_X__10_many.py")["records"], 100_000);
}

#[test]
fn only_the_records_of_this_run_are_read() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_a.sh",
        "echo \"{\\\"type\\\":\\\"Run\\\",\\\"pid\\\":$$}\"",
    );
    let first = run(&ledger).records().next().unwrap()["pid"].clone();
    let second = run(&ledger);
    assert_eq!(second.records().count(), 1);
    assert_ne!(second.records().next().unwrap()["pid"], first);
    let log = fs::read_to_string(ledger.path("a/.hooks/on_X__10_a.sh/stdout.log")).unwrap();
    assert_eq!(log.lines().count(), 2, "the log keeps both");
}

#[test]
fn logs_are_where_hooks_of_archivebox_have_them() {
    let ledger = Ledger::new();
    plugin_file(
        &ledger,
        "a/on_X__10_a.sh",
        "echo out; echo err >&2; pwd > where",
    );
    let ran = Ran::of(hook(&ledger, &["run", "X", "--cwd", "base"]));
    let place = ledger.path("base/a");
    let log =
        |name: &str| fs::read_to_string(place.join(".hooks/on_X__10_a.sh").join(name)).unwrap();
    assert_eq!(
        (log("stdout.log").as_str(), log("stderr.log").as_str()),
        ("out\n", "err\n")
    );
    assert_eq!(
        fs::read_to_string(place.join("where")).unwrap().trim_end(),
        place.to_str().unwrap()
    );
    let id = ran.processes().next().unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let logs = ledger.run(["logs", &id, "--stdout"]).expect_code(0);
    assert_eq!(logs.stdout_text(), "out\n");
}

#[test]
fn two_runs_of_a_hook_in_one_directory_do_not_mix_their_records() {
    let ledger = Ledger::new();
    // Each prints while the other does.
    plugin_file(
        &ledger,
        "a/on_X__10_a.sh",
        r#"who=${1#--who=}; touch "../began-$who"
        until [ -e ../began-1 ] && [ -e ../began-2 ]; do sleep 0.01; done
        for n in 1 2 3 4 5 6 7 8 9; do echo "{\"type\":\"Told\",\"who\":\"$who\"}"; sleep 0.01; done"#,
    );
    let runs = ["1", "2"].map(|who| {
        let who = format!("who={who}");
        hook(&ledger, &["run", "X", "--json", "--arg", &who]).start()
    });
    for (who, run) in ["1", "2"].into_iter().zip(runs) {
        let lines = hostledger_tests::json_lines(&run.wait().expect_code(0).stdout);
        let told: Vec<_> = lines.iter().filter(|it| it["type"] == "Told").collect();
        assert_eq!(told.len(), 9, "{lines:#?}");
        assert!(told.iter().all(|it| it["who"] == who), "{lines:#?}");
    }
    let mut logs: Vec<_> = ledger
        .json(["ps", "--all"])
        .iter()
        .map(|it| it["log"].clone())
        .collect();
    logs.sort_by_key(ToString::to_string);
    assert_eq!(logs[0], ".hooks/on_X__10_a.sh/", "as it should be");
    assert!(
        logs[1].as_str().unwrap().starts_with("processes/"),
        "{logs:?}"
    );

    // One that has outlived who waited for it still writes.
    plugin_file(
        &ledger,
        "b/on_Y__10_b.sh",
        "touch ../at-work; sleep 0.2; while [ -e ../at-work ]; do echo '{\"type\":\"Old\"}'; sleep 0.01; done",
    );
    let first = hook(&ledger, &["run", "Y"]).start();
    hostledger_tests::wait_until("it runs", || ledger.path("at-work").exists());
    hostledger_tests::wait_until("its start is written", || ledger.json(["ps"]).len() == 1);
    first.signal(rustix::process::Signal::KILL);
    first.wait().expect_signal(rustix::process::Signal::KILL);
    let script = ledger.path("plugins/b/on_Y__10_b.sh");
    fs::remove_file(&script).unwrap();
    fs::write(&script, "sleep 0.3; echo '{\"type\":\"New\"}'").unwrap();
    let second = Ran::of(hook(&ledger, &["run", "Y"]));
    let types: Vec<_> = second.records().map(|it| it["type"].clone()).collect();
    assert_eq!(types, ["New"]);
    fs::remove_file(ledger.path("at-work")).unwrap();
    hostledger_tests::wait_until("it has ended", || ledger.alive().is_empty());
}

#[test]
fn hooks_in_javascript_are_run_by_node() {
    let ledger = Ledger::new();
    let node = ledger.other("node").args(["--version"]).output();
    if !node.status.success() {
        eprintln!("SKIPPED: there is no node here");
        return;
    }
    plugin_file(
        &ledger,
        "web/config.json",
        r#"{"properties":{"WEB_SIZE":{"type":"string","pattern":"^\\d+,\\d+$","default":"1440,2000"},
                          "WEB_ARGS":{"type":"array","items":{"type":"string"},"default":["-x"]}}}"#,
    );
    plugin_file(
        &ledger,
        "web/on_X__10_web.js",
        r#"const fs = require('fs');
const arguments_ = process.argv.slice(2);
fs.writeFileSync('made-here', '');
console.log('plain text');
console.log(JSON.stringify({type: 'Told', arguments: arguments_, size: process.env.WEB_SIZE,
    args: JSON.parse(process.env.WEB_ARGS), modules: process.env.NODE_PATH, cwd: process.cwd()}));
console.log(JSON.stringify({type: 'BinaryRequest', name: 'wanted', binproviders: 'env'}));
setTimeout(() => process.exit(10), 10);"#,
    );
    let run = hook(
        &ledger,
        &["run", "X", "--arg", "url=https://x", "--arg", "deep=true"],
    );
    let ran = Ran::of(run.env("WEB_SIZE", "800x600").env("WEB_ARGS", "[1]"));
    let told = ran.records().next().unwrap();
    assert_eq!(told["arguments"], json!(["--url=https://x", "--deep"]));
    assert_eq!(
        (&told["size"], &told["args"]),
        (&json!("1440,2000"), &json!(["-x"]))
    );
    assert_eq!(told["cwd"], ledger.path("web").to_str().unwrap());
    assert!(
        told["modules"]
            .as_str()
            .unwrap()
            .ends_with("/lib/npm/node_modules")
    );
    assert!(ledger.path("web/made-here").exists());
    let process = ran.process("on_X__10_web.js");
    assert_eq!(
        (&process["verdict"], &process["exit_code"]),
        (&json!("skipped"), &json!(10))
    );
    assert_eq!(process["cmd"][0], "node");
    let warned = ran.output.stderr_text();
    for says in [
        r"WEB_SIZE of the plugin web is ignored: it is not a text that matches ^\d+,\d+$",
        "WEB_ARGS of the plugin web is ignored: it is not a list in JSON, each item a text",
    ] {
        assert!(warned.contains(says), "{says}: {warned}");
    }
    assert_eq!(
        ledger.json(["binary", "show", "wanted"])[0]["status"],
        "queued"
    );
}

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

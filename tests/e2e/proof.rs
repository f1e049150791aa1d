//! A command is run, passed through and accounted for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hostledger_tests::Ledger;

#[test]
fn output_and_exit_code_pass_through_and_are_recorded() {
    let ledger = Ledger::new();
    let now = |offset: &str| {
        let date = ledger.other("date").args(["-u", "-d", offset]);
        let date = date.arg("+%Y-%m-%dT%H:%M:%S").output().expect_code(0);
        date.stdout_text().trim_end().to_owned()
    };
    let before = now("-1 second");
    let output = ledger.sh("echo hello; echo err >&2; exit 7").expect_code(7);
    let after = now("+1 second");
    assert_eq!(output.stdout_text(), "hello\n");
    assert_eq!(output.stderr_text(), "err\n");

    let listed = ledger.run(["ps", "--all", "--json"]).expect_code(0);
    assert_eq!(listed.stdout_text().lines().count(), 1);
    assert!(listed.stdout_text().contains(r#","exit_code":7,"#));
    let process = ledger.process();
    assert_eq!(process["type"], "Process");
    assert_eq!(
        process["cmd"],
        serde_json::json!(["sh", "-c", "echo hello; echo err >&2; exit 7"])
    );
    assert_eq!(
        process["pwd"],
        ledger.path("").to_str().unwrap().trim_end_matches('/')
    );
    assert_eq!(process["status"], "exited");
    assert_eq!(process["outcome"], "exited");
    assert_eq!(process["process_type"], "cli");
    assert!(process["pid"].as_i64().unwrap() > 1);
    assert_eq!(process["stdout_bytes"], 6);
    assert_eq!(process["stderr_bytes"], 4);
    let time = |field: &str| process[field].as_str().unwrap().to_owned();
    let (started, ended) = (time("started_at"), time("ended_at"));
    assert!(
        before < started && started <= ended && ended < after,
        "{before} {process} {after}"
    );
}

#[test]
fn what_is_recorded_as_run_was_run() {
    let ledger = Ledger::new();
    ledger.sh("echo $$ >made; exit 3").expect_code(3);
    let made = fs::read_to_string(ledger.path("made")).unwrap();
    let process = ledger.process();
    assert_eq!(made.trim_end(), process["pid"].to_string(), "{process:#}");
    assert_eq!(
        process["exit_code"], 3,
        "no success is made up: {process:#}"
    );
    let id = crate::detached::detach(&ledger, &[], "echo $$ >later; exit 4");
    ledger.run(["wait", &id]).expect_code(4);
    let made = fs::read_to_string(ledger.path("later")).unwrap();
    let process = crate::background::record(&ledger, &id);
    assert_eq!(made.trim_end(), process["pid"].to_string(), "{process:#}");
    assert_eq!(process["exit_code"], 4, "{process:#}");
}

#[test]
fn exit_codes_are_passed_on_unchanged() {
    let ledger = Ledger::new();
    let codes = [0, 1, 2, 42, 124, 125, 126, 127, 128, 130, 137, 254, 255];
    for code in codes {
        ledger.sh(&format!("exit {code}")).expect_code(code);
    }
    let processes = ledger.processes();
    let recorded: Vec<_> = processes
        .iter()
        .map(|it| it["exit_code"].as_i64())
        .collect();
    assert_eq!(recorded, codes.map(|code| Some(i64::from(code))));
    assert!(
        processes
            .iter()
            .all(|process| process["outcome"] == "exited")
    );
}

#[test]
fn a_program_ended_by_a_signal_gives_128_and_its_number() {
    let ledger = Ledger::new();
    for (signal, number) in [("KILL", 9), ("TERM", 15), ("SEGV", 11)] {
        let output = ledger.sh(&format!("kill -s {signal} $$"));
        output.expect_code(128 + number);
        let process = ledger.processes().pop().unwrap();
        assert_eq!(process["outcome"], "signaled");
        assert_eq!(process["exit_code"], 128 + number);
    }
}

#[test]
fn a_program_that_does_not_exist_gives_127_and_the_record_says_why() {
    let ledger = Ledger::new();
    for program in ["/nonexistent", "no-such-program-on-path"] {
        let output = ledger.run(["run", "--", program]);
        output.expect_refusal(127, &[program, "no such program"]);
        let process = ledger.processes().pop().unwrap();
        assert_eq!(process["exit_code"], 127);
        assert_eq!(process["outcome"], "spawn_failed");
        assert_eq!(process["status"], "exited");
        assert!(process["ended_at"].is_string());
        assert!(process["started_at"].is_null(), "it never ran");
        let shown = ledger
            .run(["show", process["id"].as_str().unwrap()])
            .expect_code(0);
        let reason = format!("reason: {program}: no such program\n");
        assert!(shown.stdout_text().contains(&reason), "{}", shown.report());
    }
    assert_eq!(
        fs::read_dir(ledger.data().join("processes"))
            .unwrap()
            .count(),
        0,
        "no logs"
    );
}

#[test]
fn what_cannot_be_executed_gives_126_and_the_record_says_why() {
    let ledger = Ledger::new();
    let file = |name: &str, content: &str, mode: u32| {
        let path = ledger.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let plain = file("plain", "#!/bin/sh\n", 0o644);
    let nonsense = file("nonsense", "neither a script nor a program\n", 0o755);
    let directory = ledger.path("directory");
    fs::create_dir(&directory).unwrap();
    for (path, why) in [
        (&plain, "no permission"),
        (&directory, "no permission"),
        (&nonsense, "neither a binary for this machine nor a script"),
    ] {
        let path = path.to_str().unwrap();
        ledger
            .run(["run", "--", path])
            .expect_refusal(126, &[path, why]);
        let process = ledger.processes().pop().unwrap();
        assert_eq!(process["exit_code"], 126);
        assert_eq!(process["outcome"], "spawn_failed");
        let shown = ledger
            .run(["show", process["id"].as_str().unwrap()])
            .expect_code(0);
        assert!(
            shown.stdout_text().contains("reason: "),
            "{}",
            shown.report()
        );
        assert!(shown.stdout_text().contains(why), "{}", shown.report());
    }
}

#[test]
fn machine_and_network_interface_are_recorded_once_and_linked() {
    let ledger = Ledger::new();
    ledger.sh("true").expect_code(0);
    ledger.sh("false").expect_code(1);
    let records = ledger.export();
    let of_type = |wanted: &str| {
        let found = records.iter().filter(|record| record["type"] == wanted);
        found.collect::<Vec<_>>()
    };
    let ([machine], [interface]) = (&of_type("Machine")[..], &of_type("NetworkInterface")[..])
    else {
        panic!("{records:#?}");
    };
    assert_eq!(interface["machine_id"], machine["id"]);
    let guid = machine["guid"].as_str().unwrap();
    assert!(
        guid.len() == 64 && guid.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{guid}"
    );
    let processes = of_type("Process");
    assert_eq!(processes.len(), 2);
    for process in processes {
        assert_eq!(process["machine_id"], machine["id"]);
        assert_eq!(process["iface_id"], interface["id"]);
    }
}

#[test]
fn what_a_program_used_is_recorded() {
    let ledger = Ledger::new();
    ledger
        .sh("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
        .expect_code(0);
    let process = ledger.process();
    let number = |field: &str| process[field].as_u64().unwrap();
    assert!(
        number("cpu_user_us") + number("cpu_system_us") > 0,
        "{process}"
    );
    assert!(
        (100..1_000_000).contains(&number("max_rss_kib")),
        "{process}"
    );
}

//! The host, its network, and what it offers.

use hostledger_tests::{Ledger, json_lines};

#[test]
fn the_machine_is_one_record_however_often_it_is_asked_for() {
    let ledger = Ledger::new();
    let first = ledger.json(["machine"]);
    assert_eq!(first.len(), 1);
    let machine = &first[0];
    assert_eq!(machine["type"], "Machine");
    assert_eq!(machine["os_family"], "linux");
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(machine["hostname"], hostname.trim_end());
    assert_eq!(ledger.json(["machine"]), first);
    let refreshed = ledger.json(["machine", "--refresh"]);
    assert_eq!(
        (&refreshed[0]["id"], &refreshed[0]["guid"]),
        (&machine["id"], &machine["guid"])
    );
    let text = ledger.run(["machine"]).expect_code(0);
    let id = machine["id"].as_str().unwrap();
    assert!(
        text.stdout_text().contains(&format!("id: {id}\n")),
        "{}",
        text.report()
    );
    // Another ledger of the same host calls it the same.
    assert_eq!(Ledger::new().json(["machine"])[0]["guid"], machine["guid"]);
}

#[test]
fn the_network_interface_is_one_record_as_long_as_nothing_changes() {
    let ledger = Ledger::new();
    let first = ledger.json(["network"]);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["type"], "NetworkInterface");
    assert_eq!(first[0]["machine_id"], ledger.json(["machine"])[0]["id"]);
    assert_eq!(ledger.json(["network"])[0]["id"], first[0]["id"]);
    assert_eq!(
        ledger.json(["network", "--refresh"])[0]["id"],
        first[0]["id"]
    );
    let interfaces = ledger
        .export()
        .into_iter()
        .filter(|it| it["type"] == "NetworkInterface");
    assert_eq!(interfaces.count(), 1);
}

#[test]
fn the_doctor_finds_a_new_ledger_healthy() {
    let ledger = Ledger::new();
    ledger.sh("true").expect_code(0);
    let text = ledger.run(["doctor"]).expect_code(0);
    for subject in ["pidfd", "cgroup", "database", "data directory"] {
        assert!(
            text.stdout_text().contains(subject),
            "no {subject} in {}",
            text.report()
        );
    }
    let checks = json_lines(&ledger.run(["doctor", "--json"]).expect_code(0).stdout);
    assert!(checks.len() >= 4, "{checks:#?}");
    for check in &checks {
        assert!(
            check["name"].is_string() && check["found"].is_string(),
            "{check}"
        );
        let verdict = check["verdict"].as_str().unwrap();
        assert!(["good", "reduced"].contains(&verdict), "{check}");
        assert_eq!(check.get("advice").is_some(), verdict != "good", "{check}");
    }
    let database = checks
        .iter()
        .find(|check| check["name"] == "database")
        .unwrap();
    assert_eq!(database["verdict"], "good");
}

#[test]
fn the_doctor_says_what_is_wrong_with_a_damaged_ledger_and_exits_1() {
    let ledger = Ledger::new();
    ledger.sh("true").expect_code(0);
    std::fs::write(
        ledger.database(),
        "this is no database, but it is as long as one may be",
    )
    .unwrap();
    let text = ledger.run(["doctor"]).expect_code(1);
    assert!(
        text.stdout_text().contains("not a SQLite database"),
        "{}",
        text.report()
    );
    let checks = json_lines(&ledger.run(["doctor", "--json"]).expect_code(1).stdout);
    let bad: Vec<_> = checks
        .iter()
        .filter(|check| check["verdict"] == "bad")
        .collect();
    assert_eq!(bad.len(), 1, "{checks:#?}");
    assert!(bad[0]["advice"].is_string());
    let quiet = ledger.run(["doctor", "--quiet"]).expect_code(1);
    assert!(
        quiet.stderr_text().contains("not a SQLite database"),
        "{}",
        quiet.report()
    );
    assert_eq!(quiet.stdout_text(), "");
}

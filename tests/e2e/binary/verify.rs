//! Whether programs are what they were.

use std::fs;

use hostledger_tests::Ledger;
use serde_json::json;

use super::*;

#[test]
fn what_is_as_it_was_is_intact() {
    let ledger = Ledger::new();
    tool(&ledger, "tool", "echo tool 1.2");
    tool(&ledger, "other", "echo 3.4");
    for name in ["tool", "other"] {
        record(&ledger, &["find", name]);
    }
    let output = binary(&ledger, &["verify", "--json"])
        .output()
        .expect_code(0);
    let checks: Vec<_> = records(&output)
        .iter()
        .map(|it| it["check"].clone())
        .collect();
    assert_eq!(checks, ["intact", "intact"]);
    let named = record(&ledger, &["verify", "tool"]);
    assert_eq!(named["name"], "tool");
}

#[test]
fn what_has_changed_is_told_with_both_sums() {
    let ledger = Ledger::new();
    tool(&ledger, "tool", "echo tool 1.2");
    let found = record(&ledger, &["find", "tool"]);
    tool(&ledger, "tool", "echo tool 6.66");
    let output = binary(&ledger, &["verify", "tool"]).output().expect_code(1);
    let told = output.stdout_text();
    assert!(told.contains("tool has changed: the sha256 of "), "{told}");
    assert!(told.contains(found["sha256"].as_str().unwrap()), "{told}");

    let output = binary(&ledger, &["verify", "--json"])
        .output()
        .expect_code(1);
    let check = &records(&output)[0];
    assert_eq!(check["check"], "changed");
    assert_eq!(check["sha256"], found["sha256"]);
    assert_ne!(check["found_sha256"], found["sha256"]);
}

#[test]
fn a_program_behind_a_wrapper_is_known_by_its_version() {
    let ledger = Ledger::new();
    let version = ledger.path("version");
    fs::write(&version, "1.2").unwrap();
    tool(&ledger, "tool", &format!("/bin/cat {}", version.display()));
    record(&ledger, &["find", "tool"]);
    fs::write(&version, "1.3").unwrap();
    let output = binary(&ledger, &["verify", "--json"])
        .output()
        .expect_code(1);
    let check = &records(&output)[0];
    assert_eq!(
        (&check["check"], &check["found_version"]),
        (&json!("changed"), &json!("1.3"))
    );
}

#[test]
fn what_is_gone_is_missing() {
    let ledger = Ledger::new();
    tool(&ledger, "tool", "echo tool 1.2");
    record(&ledger, &["find", "tool"]);
    fs::remove_file(ledger.path("tools/tool")).unwrap();
    let output = binary(&ledger, &["verify"]).output().expect_code(1);
    assert!(
        output.stdout_text().contains("tool is missing: "),
        "{}",
        output.report()
    );
    let unknown = binary(&ledger, &["verify", "nothing"]).output();
    unknown.expect_refusal(1, &["there is no binary nothing"]);
}

#[test]
fn a_removed_binary_leaves_neither_record_nor_link() {
    let ledger = Ledger::new();
    tool(&ledger, "tool", "echo tool 1.2");
    record(&ledger, &["find", "tool"]);
    let link = ledger.data().join("lib/bin/tool");
    assert!(link.exists());
    binary(&ledger, &["remove", "tool"]).output().expect_code(0);
    assert!(!link.exists() && link.symlink_metadata().is_err());
    assert!(ledger.path("tools/tool").exists(), "the program stays");
    let gone = binary(&ledger, &["show", "tool"]).output();
    gone.expect_refusal(1, &["there is no binary tool"]);
}

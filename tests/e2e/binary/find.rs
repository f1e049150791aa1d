//! What is there already.

use std::fs;

use hostledger_tests::Ledger;

use super::*;

#[test]
fn a_program_on_path_is_found_and_recorded() {
    let ledger = Ledger::new();
    tool(&ledger, "tool", "echo tool 1.2");
    let found = record(&ledger, &["find", "tool"]);
    assert_eq!(found["binprovider"], "env");
    assert_eq!(found["version"], "1.2");
    assert_eq!(
        found["abspath"],
        ledger.path("tools/tool").to_str().unwrap()
    );
    let shown = binary(&ledger, &["find", "tool"]).output().expect_code(0);
    assert!(
        shown.stdout_text().starts_with("tool 1.2 /"),
        "{}",
        shown.report()
    );
}

#[test]
fn what_is_not_there_is_told_and_leaves_no_record() {
    let ledger = Ledger::new();
    tool(&ledger, "tool", "echo tool 1.2");
    let output = binary(&ledger, &["find", "nothing", "tool", "--json"]).output();
    let output = output.expect_code(1);
    assert!(output.stderr_text().contains("no program nothing on PATH"));
    assert_eq!(records(&output).len(), 1, "and what is there is found");
    assert_eq!(
        records(&binary(&ledger, &["list", "--json"]).output()).len(),
        1
    );
}

#[test]
fn an_absolute_path_is_linked_under_its_last_part() {
    let ledger = Ledger::new();
    let path = ledger.path("some where/tool");
    script(&path, "echo 3.1");
    let found = record(&ledger, &["find", path.to_str().unwrap()]);
    assert_eq!(found["abspath"], path.to_str().unwrap());
    assert_eq!(
        fs::read_link(ledger.data().join("lib/bin/tool")).unwrap(),
        path
    );
}

#[test]
fn a_variable_says_which() {
    let ledger = Ledger::new();
    tool(&ledger, "tool", "echo tool 1.2");
    let other = ledger.path("other/tool");
    script(&other, "echo tool 9.9");
    let found = binary(&ledger, &["find", "tool", "--json"])
        .env("TOOL_BINARY", &other)
        .output()
        .expect_code(0);
    assert_eq!(records(&found)[0]["version"], "9.9");
}

#[test]
fn a_variable_goes_before_what_is_recorded() {
    let ledger = Ledger::new();
    tool(&ledger, "tool", "echo tool 1.2");
    assert_eq!(record(&ledger, &["find", "tool"])["version"], "1.2");
    let other = ledger.path("other/tool");
    script(&other, "echo tool 9.9");
    for arguments in [
        &["find", "tool", "--json"][..],
        &["install", "tool", "--providers", "env", "--json"],
    ] {
        let found = binary(&ledger, arguments).env("TOOL_BINARY", &other);
        let found = &records(&found.output().expect_code(0))[0];
        assert_eq!(found["abspath"], other.to_str().unwrap(), "{arguments:?}");
        // What a variable no longer names does for those who want no more.
        assert_eq!(record(&ledger, &["find", "tool"])["version"], "9.9");
        tool(&ledger, "tool", "echo tool 1.3");
        let back = ledger.path("tools/tool");
        let found = binary(&ledger, arguments).env("TOOL_BINARY", &back);
        let found = &records(&found.output().expect_code(0))[0];
        assert_eq!(found["version"], "1.3", "{arguments:?}");
    }
}

//! Names and arguments that nobody is given, and links that somebody planted.

use std::fs;
use std::os::unix::fs::symlink;

use hostledger_tests::Ledger;

use super::*;

#[test]
fn hostile_names_are_refused_before_anything_runs() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let long = "a".repeat(10_000);
    let too_long = "a".repeat(64);
    for name in [
        "-rf",
        "../x",
        "a/b",
        "a;b",
        "$(x)",
        "`x`",
        "a b",
        "..",
        ".",
        "",
        "/",
        "/bin/../bin/sh",
        "a\nb",
        &long,
        &too_long,
    ] {
        for arguments in [&["install", "--providers", "npm"][..], &["find"]] {
            let output = binary(&ledger, arguments).args(["--", name]).output();
            let told = output.expect_code(1);
            assert!(told.stderr.len() < 400, "{}", told.report());
        }
    }
    assert!(runs(&ledger).is_empty());
    assert!(
        binary(&ledger, &["list", "--json"])
            .output()
            .stdout
            .is_empty()
    );
}

#[test]
fn hostile_arguments_are_refused_before_anything_runs() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let long = "a".repeat(10_000);
    for argument in [
        "-rf",
        "../x",
        "a/b",
        "a;b",
        "$(x)",
        "--prefix=/etc",
        "a b",
        "a\\u0000b",
        &long,
    ] {
        for key in ["packages", "install_args"] {
            let with = format!(r#"npm={{"{key}":["{argument}"]}}"#);
            let arguments = ["install", "tool", "--providers", "npm", "--override", &with];
            let refused = binary(&ledger, &arguments).output().expect_code(1);
            let told = refused.stderr_text();
            assert!(told.contains("is no package"), "{}", refused.report());
        }
    }
    assert!(runs(&ledger).is_empty());
}

#[test]
fn what_has_the_name_in_lib_bin_and_is_no_link_stays() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let bin = ledger.data().join("lib/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("tool"), "precious").unwrap();
    let arguments = ["install", "tool", "--providers", "npm"];
    let output = binary(&ledger, &arguments).output().expect_code(1);
    let told = output.stderr_text();
    assert!(
        told.contains("lib/bin/tool is there and is no link"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(bin.join("tool")).unwrap(), "precious");
}

#[test]
fn nothing_is_linked_through_a_planted_link() {
    let ledger = Ledger::new();
    npm(&ledger, "", "1.0");
    let elsewhere = ledger.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir_all(ledger.data().join("lib")).unwrap();
    symlink(&elsewhere, ledger.data().join("lib/bin")).unwrap();
    let arguments = ["install", "tool", "--providers", "npm"];
    let output = binary(&ledger, &arguments).output().expect_code(1);
    let told = output.stderr_text();
    assert!(told.contains("lib/bin is no directory of ours"), "{told}");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

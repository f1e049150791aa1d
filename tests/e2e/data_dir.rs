//! A data directory that cannot be used.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use hostledger_tests::{Ledger, skipped};

use crate::namespace;

#[test]
fn a_file_in_its_place_is_named_and_kept() {
    let ledger = Ledger::below("file");
    fs::write(ledger.data(), "precious").unwrap();
    let path = ledger.data().to_str().unwrap().to_owned();
    ledger
        .run(["run", "--", "touch", "ran"])
        .expect_refusal(125, &[&path, "not a directory"])
        .expect_hint();
    for command in [&["ps"][..], &["export"], &["machine"]] {
        ledger
            .run(command)
            .expect_refusal(1, &[&path, "not a directory"])
            .expect_hint();
    }
    assert_eq!(fs::read_to_string(ledger.data()).unwrap(), "precious");
    assert!(!ledger.path("ran").exists());
}

#[test]
fn a_directory_below_a_file_is_refused() {
    let ledger = Ledger::below("file/below");
    fs::write(ledger.data().parent().unwrap(), "precious").unwrap();
    let path = ledger.data().to_str().unwrap().to_owned();
    ledger
        .run(["run", "--", "true"])
        .expect_refusal(125, &[&path])
        .expect_hint();
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let ledger = Ledger::new();
    fs::create_dir(ledger.data()).unwrap();
    if fs::metadata(ledger.data()).unwrap().uid() == 0 {
        return skipped("root may write anywhere; see the read-only file system");
    }
    fs::set_permissions(ledger.data(), fs::Permissions::from_mode(0o500)).unwrap();
    let path = ledger.data().to_str().unwrap().to_owned();
    let refused = ledger.run(["run", "--", "touch", "ran"]);
    fs::set_permissions(ledger.data(), fs::Permissions::from_mode(0o700)).unwrap();
    refused.expect_refusal(125, &[&path]).expect_hint();
    assert!(!ledger.path("ran").exists());
    assert_eq!(fs::read_dir(ledger.data()).unwrap().count(), 0);
}

#[test]
fn a_read_only_file_system_is_refused_and_what_is_there_stays() {
    let ledger = Ledger::new();
    ledger.sh("exit 3").expect_code(3);
    let before = ledger.processes();
    let data = ledger.data().display().to_string();
    let setup = format!("mount --bind '{data}' '{data}'; mount -o remount,bind,ro '{data}'");
    for (command, code) in [
        (&["run", "--", "touch", "ran"][..], 125),
        (&["ps", "--all"], 1),
    ] {
        let Some(command) = namespace::command(&ledger, &setup, command) else {
            return;
        };
        command
            .output()
            .expect_refusal(code, &[&data])
            .expect_hint();
    }
    assert!(!ledger.path("ran").exists());
    assert_eq!(ledger.processes(), before);
}

#[test]
fn somebody_elses_directory_is_refused() {
    let ledger = Ledger::new();
    fs::create_dir(ledger.data()).unwrap();
    if std::os::unix::fs::chown(ledger.data(), Some(12345), None).is_err() {
        return skipped("giving a directory to somebody else needs root");
    }
    let path = ledger.data().to_str().unwrap().to_owned();
    ledger
        .run(["run", "--", "touch", "ran"])
        .expect_refusal(125, &[&path, "12345"])
        .expect_hint();
    assert!(!ledger.path("ran").exists());
    assert_eq!(fs::read_dir(ledger.data()).unwrap().count(), 0);
}

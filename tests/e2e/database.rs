//! A database that cannot be used: each says why and what to do, and nothing is lost.

use std::fs::{self, File};
use std::process::Stdio;

use hostledger_tests::{Ledger, wait_until};
use rustix::fs::{FlockOperation, fcntl_lock};

use crate::namespace;

/// A ledger with one process in it, in one file: nobody has it open.
fn filled() -> Ledger {
    let ledger = Ledger::new();
    ledger.sh("exit 3").expect_code(3);
    assert_eq!(ledger.processes().len(), 1);
    let mut files: Vec<_> = fs::read_dir(ledger.data())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    files.retain(|name| name.to_string_lossy().starts_with("ledger.sqlite3"));
    assert_eq!(
        files,
        ["ledger.sqlite3"],
        "the last one to close it tidies up"
    );
    ledger
}

/// A program is refused, and so is a list; both at once, as either may wait for a while.
#[track_caller]
fn assert_refused(ledger: &Ledger, naming: &[&str]) {
    let run = ledger.command(["run", "--", "touch", "ran"]).start();
    let list = ledger.command(["ps", "--all"]).start();
    run.wait().expect_refusal(125, naming).expect_hint();
    list.wait().expect_refusal(1, naming).expect_hint();
    assert!(!ledger.path("ran").exists(), "nothing was run");
}

#[test]
fn something_else_in_its_place_is_named_and_kept() {
    let ledger = filled();
    let path = ledger.database();
    let text = "something precious, and long enough to be taken for the header of a database\n";
    fs::write(&path, text.repeat(9)).unwrap();
    assert_refused(&ledger, &[path.to_str().unwrap(), "not a SQLite database"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text.repeat(9));
}

#[test]
fn a_directory_in_its_place_is_named() {
    let ledger = filled();
    fs::remove_file(ledger.database()).unwrap();
    fs::create_dir(ledger.database()).unwrap();
    let path = ledger.database();
    for (command, code) in [(&["run", "--", "touch", "ran"][..], 125), (&["ps"], 1)] {
        ledger
            .run(command)
            .expect_refusal(code, &[path.to_str().unwrap(), "is a directory"]);
    }
    assert!(!ledger.path("ran").exists());
}

#[test]
fn a_database_that_was_cut_short_is_named_and_kept() {
    let ledger = filled();
    let path = ledger.database();
    let whole = fs::read(&path).unwrap();
    let part = &whole[..whole.len() / 2];
    fs::write(&path, part).unwrap();
    assert_refused(&ledger, &[path.to_str().unwrap(), "damaged or cut short"]);
    fs::write(&path, &whole).unwrap();
    assert_eq!(ledger.processes().len(), 1);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_kept() {
    let ledger = filled();
    let path = ledger.database();
    let mut bytes = fs::read(&path).unwrap();
    // The version of a migration is its date: fourteen digits. A table and its index hold it.
    let mut patched = 0;
    for at in 0..bytes.len() - 14 {
        let version = &bytes[at..at + 14];
        if version.starts_with(b"20") && version.iter().all(u8::is_ascii_digit) {
            bytes[at..at + 14].copy_from_slice(b"29991231235959");
            patched += 1;
        }
    }
    assert!(patched >= 2, "{patched}");
    fs::write(&path, &bytes).unwrap();
    assert_refused(
        &ledger,
        &[path.to_str().unwrap(), "newer version", "29991231235959"],
    );
    assert!(fs::read(&path).unwrap() == bytes, "it is left as it was");
}

#[test]
fn a_database_that_another_program_has_locked_is_waited_for_and_then_named() {
    let ledger = filled();
    let path = ledger.database();
    // What SQLite does for an exclusive transaction in a rollback journal, and more.
    let database = File::options().read(true).write(true).open(&path).unwrap();
    fcntl_lock(&database, FlockOperation::LockExclusive).unwrap();
    assert_refused(
        &ledger,
        &[path.to_str().unwrap(), "locked by another program"],
    );
    // Whoever waits for less long than we do gets in.
    let waiting = ledger.command(["run", "--", "sh", "-c", "exit 4"]).start();
    wait_until("it has the database open", || {
        waiting.holds(&[path.to_str().unwrap()])
    });
    fcntl_lock(&database, FlockOperation::Unlock).unwrap();
    waiting.wait().expect_code(4);
    assert_eq!(ledger.processes().len(), 2);
}

#[test]
fn a_full_disk_is_named_and_nothing_is_run() {
    let ledger = Ledger::new();
    fs::create_dir(ledger.data()).unwrap();
    let data = ledger.data().display().to_string();
    // Room for the directories and not for the tables.
    let setup = format!("mount -t tmpfs -o mode=700,size=64k none '{data}'");
    let run = ["run", "--", "touch", "ran"];
    let Some(command) = namespace::command(&ledger, &setup, run) else {
        return;
    };
    let path = ledger.database();
    let refused = command
        .output()
        .expect_refusal(125, &["full", path.to_str().unwrap()]);
    refused.expect_hint();
    assert!(!ledger.path("ran").exists());
}

#[test]
fn a_disk_that_fills_up_hides_neither_a_program_nor_how_it_ended() {
    // Its own output is what fills the disk, and it does not mind. Now and then that is so quick
    // that not even its start can be written down.
    let script = "head -c 8000000 /dev/zero; sleep 2.5; exit 7";
    let mut runs = Vec::new();
    for _ in 0..6 {
        let ledger = Ledger::new();
        fs::create_dir(ledger.data()).unwrap();
        let data = ledger.data().display().to_string();
        let setup = format!("mount -t tmpfs -o mode=700,size=4m none '{data}'");
        let run = ["run", "--", "sh", "-c", script];
        let Some(command) = namespace::command(&ledger, &setup, run) else {
            return;
        };
        runs.push((ledger, command.stdout(Stdio::null()).start()));
    }
    while !runs.is_empty() {
        let mut ended = None;
        wait_until("another one has ended", || {
            ended = runs.iter().position(|(_, run)| run.has_ended());
            ended.is_some()
        });
        let (ledger, run) = runs.swap_remove(ended.unwrap());
        let alive = ledger.alive();
        let output = run.wait();
        assert_eq!(alive, [""; 0], "it runs on unseen: {}", output.report());
        output
            .expect_refusal(125, &["exit code", "full"])
            .expect_hint();
    }
}

#[test]
fn a_place_that_is_none_is_refused() {
    let ledger = Ledger::new();
    let missing = ledger.path("missing/x.sqlite3");
    let url = format!("sqlite:{}", missing.display());
    let list = ledger.command(["--database", &url, "ps"]).output();
    list.expect_refusal(1, &[missing.to_str().unwrap(), "directory does not exist"])
        .expect_hint();
    for (url, naming) in [
        ("postgres://127.0.0.1:1/x", "postgres://127.0.0.1:1/x"),
        ("mysql://localhost/x", "mysql"),
        ("ledger.sqlite3", "sqlite:"),
        ("sqlite:", "sqlite:"),
    ] {
        let list = ledger.command(["--database", url, "ps"]).output();
        let code = list.status.code().unwrap();
        assert!([1, 2].contains(&code), "{}", list.report());
        list.expect_refusal(code, &[naming]);
    }
    assert_eq!(
        fs::read_dir(ledger.path("")).unwrap().count(),
        0,
        "no file of such a name is made"
    );
}

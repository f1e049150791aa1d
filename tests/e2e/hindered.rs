//! A worker whose disk is full, or whose database is locked, for a while.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use hostledger_tests::{Ledger, Signal, Started, hostledger, json_lines, wait_until};
use serde_json::json;

use crate::namespace;

fn ran(ledger: &Ledger) -> usize {
    let text = fs::read_to_string(ledger.path("ran")).unwrap_or_default();
    text.lines().count()
}

/// Waits until all jobs have ended, and ends the worker: each has run once, and failed with 3.
#[track_caller]
fn all_have_run_once(ledger: &Ledger, work: Started, jobs: usize) {
    wait_until("all have ended", || {
        ledger.processes().iter().all(|it| it["status"] == "exited")
    });
    work.signal(Signal::TERM);
    work.wait().expect_code(0);
    for process in ledger.processes() {
        assert_eq!(process["exit_code"], 3, "{process:#}");
        assert_eq!(process["attempt"], 1, "{process:#}");
    }
    assert_eq!(ran(ledger), jobs, "each once");
}

#[test]
fn a_full_disk_loses_no_job_and_no_end_and_runs_nothing_twice() {
    let ledger = Ledger::new();
    fs::create_dir(ledger.data()).unwrap();
    let data = ledger.data().display().to_string();
    let submit = format!("'{}' --data '{data}' submit", hostledger().display());
    let ran_file = ledger.path("ran").display().to_string();
    let job = format!("echo x >> '{ran_file}'; sleep 0.1; exit 3");
    // One of the jobs fills the disk, and gives it back after a while.
    let fills = format!("head -c 9000000 /dev/zero > '{data}/filler'; sleep 3; rm '{data}/filler'");
    let setup = format!(
        "mount -t tmpfs -o mode=700,size=6m none '{data}'
         {submit} -- sh -c \"{fills}; exit 7\" >/dev/null
         for number in 1 2 3 4 5 6 7 8 9 10 11 12; do
             {submit} -- sh -c \"{job}\" >/dev/null
         done"
    );
    let work = ["work", "--once", "--jobs", "2", "--json"];
    let Some(command) = namespace::command(&ledger, &setup, work) else {
        return;
    };
    let worked = command.output().expect_code(0);
    let ended = json_lines(&worked.stdout);
    let codes = |code: i32| ended.iter().filter(|it| it["exit_code"] == code).count();
    assert_eq!((codes(7), codes(3)), (1, 12), "{}", worked.report());
    assert!(
        ended
            .iter()
            .all(|it| it["attempt"] == 1 && it["outcome"] == "exited")
    );
    assert_eq!(ran(&ledger), 12, "each once");
}

/// As when what it lies on is unmounted for a while.
#[test]
fn a_directory_that_is_away_for_a_while_loses_nothing() {
    let ledger = Ledger::new();
    for _ in 0..40 {
        let job = "echo x >> ran; sleep 0.05; exit 3";
        ledger.run(["submit", "--", "sh", "-c", job]).expect_code(0);
    }
    let work = ledger.command(["work", "--jobs", "2"]).start();
    wait_until("some run", || ran(&ledger) >= 8);
    let aside = ledger.path("aside");
    fs::rename(ledger.data(), &aside).unwrap();
    thread::sleep(Duration::from_secs(3));
    assert!(!ledger.data().exists(), "nothing is made in its place");
    fs::rename(&aside, ledger.data()).unwrap();
    all_have_run_once(&ledger, work, 40);
}

#[test]
fn a_program_whose_own_disk_is_full_fails_and_holds_nobody_up() {
    let ledger = Ledger::new();
    let full = ledger.path("full");
    fs::create_dir(&full).unwrap();
    let hook = ledger.path("on_Snapshot__01_full.sh");
    fs::write(&hook, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&hook, Permissions::from_mode(0o755)).unwrap();
    let record = json!({
        "type": "Process", "process_type": "hook", "cmd": [hook], "pwd": full, "status": "queued",
    });
    for _ in 0..2 {
        let import = ledger.command(["import", "-"]);
        import.input(format!("{record}\n")).output().expect_code(0);
    }
    for _ in 0..5 {
        let good = ["submit", "--", "sh", "-c", "echo x >> ran"];
        ledger.run(good).expect_code(0);
    }
    let setup = format!(
        "mount -t tmpfs -o mode=700,nr_inodes=2 none '{full}'; touch '{full}/filler'",
        full = full.display()
    );
    let work = ["work", "--once", "--jobs", "2"];
    let Some(command) = namespace::command(&ledger, &setup, work) else {
        return;
    };
    let worked = command.output().expect_code(0);
    assert_eq!(worked.stdout_text().trim(), "5 succeeded, 2 failed");
    assert_eq!(ran(&ledger), 5);
    let hooks = ledger.processes().into_iter();
    for hook in hooks.filter(|it| it["process_type"] == "hook") {
        assert_eq!(hook["outcome"], "spawn_failed", "{hook:#}");
        let shown = &ledger.json(["show", hook["id"].as_str().unwrap()])[0];
        let reason = shown["reason"].as_str().unwrap();
        assert!(reason.contains("No space left on device"), "{reason}");
    }
}

#[test]
fn a_database_that_is_locked_for_longer_than_is_waited_for_loses_nothing() {
    let ledger = Ledger::new();
    for _ in 0..8 {
        let job = "echo x >> ran; sleep 0.3; exit 3";
        ledger.run(["submit", "--", "sh", "-c", job]).expect_code(0);
    }
    let work = ledger.command(["work", "--jobs", "2"]).start();
    wait_until("some run", || ran(&ledger) >= 2);
    let path = ledger.database();
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other
        .batch_execute("PRAGMA busy_timeout = 20000; BEGIN EXCLUSIVE")
        .unwrap();
    // The store waits for five.
    thread::sleep(Duration::from_secs(7));
    other.batch_execute("ROLLBACK").unwrap();
    all_have_run_once(&ledger, work, 8);
}

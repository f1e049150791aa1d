//! Nothing has to be initialised; where things are put, and for whom.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use hostledger_tests::{Ledger, Signal, json_lines, wait_until};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every file and directory below, and the directory itself.
fn all_below(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![directory.to_owned()];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_data_directory_is_made_for_its_owner_alone() {
    let ledger = Ledger::below("not/there/yet");
    // Whoever runs us lets everybody read.
    let run = ledger
        .other("sh")
        .args(["-c", "umask 0; exec \"$@\"", "sh"]);
    run.arg(hostledger_tests::hostledger())
        .arg("--data")
        .arg(ledger.data())
        .args(["run", "--", "echo", "x"])
        .output()
        .expect_code(0);
    for path in all_below(ledger.data()) {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), wanted, "{}", path.display());
    }
    assert!(fs::metadata(ledger.database()).unwrap().size() > 0);
}

#[test]
fn a_command_leaves_nothing_where_it_runs() {
    let ledger = Ledger::new();
    ledger.sh("echo x; echo y >&2").expect_code(0);
    assert_eq!(fs::read_dir(ledger.path("")).unwrap().count(), 0);
}

#[test]
fn the_ledger_is_found_by_option_then_variable_then_default() {
    let ledger = Ledger::new();
    let home = ledger.path("home");
    let shared = ledger.path("shared");
    let by_variable = ledger.path("by-variable");
    let run = || ledger.bare_command(["run", "--", "true"]);

    run().env("HOME", &home).output().expect_code(0);
    assert!(home.join(".local/share/hostledger/ledger.sqlite3").exists());
    run().env("XDG_DATA_HOME", &shared).output().expect_code(0);
    assert!(shared.join("hostledger/ledger.sqlite3").exists());
    run()
        .env("HOSTLEDGER_DATA", &by_variable)
        .output()
        .expect_code(0);
    assert!(by_variable.join("ledger.sqlite3").exists());

    let all = ledger.command(["run", "--", "true"]);
    all.env("HOSTLEDGER_DATA", ledger.path("unused"))
        .output()
        .expect_code(0);
    assert!(ledger.database().exists());
    assert!(!ledger.path("unused").exists());

    let ids: BTreeSet<_> = [
        ledger
            .bare_command(["ps", "--all", "--json"])
            .env("HOME", &home),
        ledger
            .bare_command(["ps", "--all", "--json"])
            .env("XDG_DATA_HOME", &shared),
        ledger
            .bare_command(["ps", "--all", "--json"])
            .env("HOSTLEDGER_DATA", &by_variable),
        ledger.command(["ps", "--all", "--json"]),
    ]
    .into_iter()
    .map(|list| {
        let processes = json_lines(&list.output().expect_code(0).stdout);
        assert_eq!(processes.len(), 1, "{processes:?}");
        processes[0]["id"].as_str().unwrap().to_owned()
    })
    .collect();
    assert_eq!(ids.len(), 4, "each ledger has a process of its own");
}

#[test]
fn without_a_home_it_says_how_to_name_a_directory() {
    let ledger = Ledger::new();
    let list = ledger
        .bare_command(["ps"])
        .env_remove("HOME")
        .env("XDG_DATA_HOME", "relative");
    list.output()
        .expect_refusal(1, &["HOME", "--data"])
        .expect_hint();
    assert_eq!(
        fs::read_dir(ledger.path("")).unwrap().count(),
        0,
        "nothing is made"
    );
}

#[test]
fn another_database_takes_the_records_and_the_directory_keeps_the_logs() {
    let ledger = Ledger::new();
    let database = ledger.path("other.sqlite3");
    let url = format!("sqlite:{}", database.display());
    ledger
        .command(["--database", &url, "run", "--", "echo", "x"])
        .output()
        .expect_code(0);
    let by_variable = ledger
        .command(["ps", "--all", "--json"])
        .env("HOSTLEDGER_DATABASE", &url);
    let processes = json_lines(&by_variable.output().expect_code(0).stdout);
    assert_eq!(processes.len(), 1);
    assert_eq!(mode(&database), 0o600);
    assert!(!ledger.database().exists());
    assert_eq!(
        fs::read_dir(ledger.data().join("processes"))
            .unwrap()
            .count(),
        2
    );
    let id = processes[0]["id"].as_str().unwrap();
    let logs = ledger
        .command(["--database", &url, "logs", id])
        .output()
        .expect_code(0);
    assert_eq!(logs.stdout_text(), "x\n");
}

#[test]
fn a_first_use_that_is_killed_at_any_moment_leaves_a_ledger_that_works() {
    // The moment that has to be met: SQLite's journal lies beside a database that is being made.
    let mut met = 0;
    for number in 0..60_u32 {
        let ledger = Ledger::new();
        let run = ledger.command(["run", "--", "true"]).start();
        let made = || ledger.data().exists() || run.has_ended();
        wait_until("the directory is made", made);
        std::thread::sleep(Duration::from_micros(500) * (number % 20));
        run.signal_if_alive(Signal::KILL);
        drop(run.wait());
        let journal = ledger.data().join("ledger.sqlite3-journal");
        met += u32::from(journal.exists());
        ledger.run(["ps", "--all"]).expect_code(0);
        ledger.sh("exit 3").expect_code(3);
        if met == 10 {
            return;
        }
    }
    eprintln!("the moment was met {met} times");
}

#[test]
fn twenty_first_uses_at_once_all_succeed() {
    let ledger = Ledger::new();
    let runs: Vec<_> = (0..20)
        .map(|number| {
            let script = format!("echo {number}; exit {number}");
            ledger.command(["run", "--", "sh", "-c", &script]).start()
        })
        .collect();
    for (number, run) in runs.into_iter().enumerate() {
        let output = run.wait().expect_code(number.try_into().unwrap());
        assert_eq!(output.stdout_text(), format!("{number}\n"));
        assert_eq!(output.stderr_text(), "");
    }
    let records = ledger.export();
    let count = |wanted: &str| records.iter().filter(|it| it["type"] == wanted).count();
    assert_eq!(
        (
            count("Machine"),
            count("NetworkInterface"),
            count("Process")
        ),
        (1, 1, 20)
    );
    let codes: BTreeSet<_> = ledger
        .processes()
        .iter()
        .map(|it| it["exit_code"].as_i64())
        .collect();
    assert_eq!(codes, (0..20).map(Some).collect());
}

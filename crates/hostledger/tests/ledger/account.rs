//! What is written down of a process.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use hostledger::model::ProcessStatus;
use hostledger::{Ledger, LedgerError, Outcome, ProcessFilter, Signal, Stream};

use serde_json::Value;

use crate::bench::Bench;

#[test]
fn a_process_is_accounted_for_from_start_to_end() {
    let bench = Bench::new();
    let process = bench.run("echo hello; echo oops >&2; exit 7");
    assert_eq!(process.status, ProcessStatus::Exited);
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(7), Some(Outcome::Exited))
    );
    assert_eq!((&*process.stdout, &*process.stderr), ("hello\n", "oops\n"));
    assert_eq!(
        (process.stdout_bytes, process.stderr_bytes),
        (Some(6), Some(5))
    );
    assert!(process.started_at.unwrap() <= process.ended_at.unwrap());
    assert!(process.identity.is_some() && process.usage.is_some());
    assert_eq!(
        process.machine_id,
        bench.ledger.current_machine().unwrap().id
    );
    assert_eq!(
        process.interface_id,
        Some(bench.ledger.current_interface(false).unwrap().id)
    );
    assert_eq!(
        bench.again().process(process.id).unwrap(),
        process,
        "all of it is written down"
    );
}

#[test]
fn a_signal_is_told_from_an_exit_code() {
    let bench = Bench::new();
    let process = bench.run("kill -9 $$");
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(137), Some(Outcome::Signaled))
    );
    let process = bench.run("exit 137");
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(137), Some(Outcome::Exited))
    );
}

#[test]
fn a_program_that_cannot_be_executed_is_recorded_with_the_reason() {
    let bench = Bench::new();
    for (program, code) in [("/nonexistent", 127), ("/etc/passwd", 126)] {
        let process = bench
            .ledger
            .command(program)
            .launch()
            .unwrap()
            .wait()
            .unwrap();
        assert_eq!(
            (process.exit_code, process.outcome),
            (Some(code), Some(Outcome::SpawnFailed))
        );
        assert!(process.stderr.contains(program), "{}", process.stderr);
        assert_eq!(process.started_at, None);
    }
}

#[test]
fn what_cannot_be_meant_is_refused_without_a_row() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let missing = bench.directory.path().join("missing");
    let long = "x".repeat(256);
    let refused = [
        ledger.command("").launch().err(),
        ledger.command("sh").arg("a\0b").launch().err(),
        ledger.command("true").current_dir(&missing).launch().err(),
        ledger.command("true").env("A=B", "x").launch().err(),
        ledger.command("true").env("A", "x\0").launch().err(),
        ledger.command("true").name(long).launch().err(),
        ledger.command("true").nice(99).launch().err(),
        ledger
            .command("true")
            .timeout(Duration::ZERO)
            .launch()
            .err(),
    ];
    assert!(refused.iter().all(Option::is_some), "{refused:?}");
    assert!(refused[2].as_ref().unwrap().to_string().contains("missing"));
    assert_eq!(
        ledger.processes(&ProcessFilter::default()).unwrap().records,
        []
    );
}

#[test]
fn the_health_of_machine_and_interface_counts_what_ended_by_itself() {
    let bench = Bench::new();
    bench.run("exit 0");
    bench.run("exit 1");
    let running = bench.ledger.command("sleep").arg("60").launch().unwrap();
    running.stop(Signal::TERM, None);
    assert_eq!(running.wait().unwrap().outcome, Some(Outcome::Killed));
    let Bench { ledger, directory } = bench;
    drop(running);
    drop(ledger);
    let ledger = Ledger::open(directory.path().join("data")).unwrap();
    let health = ledger.current_machine().unwrap().health;
    assert_eq!((health.num_uses_succeeded, health.num_uses_failed), (1, 1));
    assert_eq!(ledger.current_interface(false).unwrap().health, health);
}

#[test]
fn a_secret_reaches_the_program_and_nothing_else() {
    let bench = Bench::new();
    let launched = bench
        .ledger
        .command("sh")
        .args(["-c", "test ${#API_TOKEN} = 7 && test \"$PLAIN\" = x"]);
    let process = launched
        .env("API_TOKEN", "hunter2")
        .env("PLAIN", "x")
        .launch()
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(process.exit_code, Some(0));
    assert_eq!(process.secret_env, ["API_TOKEN"]);
    assert_eq!(process.env["PLAIN"], "x");
    assert!(!format!("{process:?}").contains("hunter2"));
    for entry in std::fs::read_dir(bench.ledger.data_dir().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.windows(7).any(|part| part == b"hunter2"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn bytes_that_are_not_utf8_reach_the_program_and_come_back() {
    use std::os::unix::ffi::OsStringExt as _;
    let bench = Bench::new();
    let odd = std::ffi::OsString::from_vec(b"a\xffb".to_vec());
    let directory = bench.directory.path().join(&odd);
    std::fs::create_dir(&directory).unwrap();
    let command =
        bench
            .ledger
            .command("sh")
            .args(["-c", "printf %s \"$1\"; test -d \"../$1\"", "sh"]);
    let process = command
        .arg(odd)
        .current_dir(directory)
        .launch()
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(
        (process.exit_code, &*process.stdout),
        (Some(0), "a\u{fffd}b")
    );
    let again = bench.again().process(process.id).unwrap();
    assert_eq!(again.command()[4], b"a\xffb");
    assert!(again.working_directory().ends_with(b"a\xffb"));
    let log = bench.ledger.log_path(&again, Stream::Stdout).unwrap();
    assert_eq!(std::fs::read(log).unwrap(), b"a\xffb");
}

#[test]
fn a_queued_process_is_launched_once_however_many_try() {
    let bench = Bench::new();
    let marker = bench.directory.path().join("marker");
    let script = format!("echo x >> {}; sleep 0.1", marker.display());
    let queued = bench
        .ledger
        .command("sh")
        .args(["-c", &script])
        .create()
        .unwrap();
    assert_eq!(queued.status, ProcessStatus::Queued);
    let launched: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let ledger = bench.again();
                    ledger
                        .launch(queued.id)
                        .map(|running| running.wait().unwrap())
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(launched.iter().filter(|one| one.is_ok()).count(), 1);
    let refused = launched.iter().filter_map(|one| one.as_ref().err());
    assert!(
        refused
            .into_iter()
            .all(|error| matches!(error, LedgerError::NotLaunchable { .. }))
    );
    assert_eq!(std::fs::read_to_string(marker).unwrap(), "x\n");
}

#[test]
fn the_secret_of_a_queued_process_waits_in_a_file_of_ours_until_it_has_ended() {
    let bench = Bench::new();
    let queued = bench
        .ledger
        .command("sh")
        .args(["-c", "echo $API_KEY"])
        .env("API_KEY", "hunter2")
        .create()
        .unwrap();
    let secrets = bench.ledger.data_dir().unwrap().join("secrets");
    let files = || std::fs::read_dir(&secrets).unwrap().map(Result::unwrap);
    let modes: Vec<u32> = files()
        .map(|file| file.metadata().unwrap().permissions().mode() & 0o777)
        .collect();
    assert_eq!(modes, [0o600]);
    assert_eq!(
        bench.ledger.process(queued.id).unwrap().env["API_KEY"],
        Value::Null
    );

    let process = bench.ledger.launch(queued.id).unwrap().wait().unwrap();
    assert_eq!(process.stdout, "hunter2\n");
    assert_eq!(files().count(), 0, "nobody needs it any more");
}

#[test]
fn a_queued_process_whose_secret_is_gone_is_not_launched() {
    let bench = Bench::new();
    let command = bench.ledger.command("true").env("API_KEY", "hunter2");
    let queued = command.create().unwrap();
    std::fs::remove_dir_all(bench.ledger.data_dir().unwrap().join("secrets")).unwrap();
    let refused = bench.ledger.launch(queued.id);
    assert!(matches!(refused, Err(LedgerError::SecretMissing { .. })));
}

#[test]
fn an_output_of_many_megabytes_leaves_the_database_small() {
    let bench = Bench::new();
    let process = bench.run("head -c 50000000 /dev/zero | tr '\\0' x");
    assert_eq!(process.stdout_bytes, Some(50_000_000));
    assert!(process.stdout.len() < 70_000, "{}", process.stdout.len());
    let log = bench.ledger.open_log(&process, Stream::Stdout).unwrap();
    assert_eq!(log.metadata().unwrap().len(), 50_000_000);
    let database = bench.ledger.data_dir().unwrap().join("ledger.sqlite3");
    assert!(std::fs::metadata(database).unwrap().len() < 1_000_000);
}

#[test]
fn many_at_once_from_many_threads_are_all_right() {
    let bench = Bench::new();
    let ids: HashSet<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|thread| {
                let ledger = bench.ledger.clone();
                scope.spawn(move || {
                    (0..10)
                        .map(|n| {
                            let code = thread * 10 + n;
                            let command =
                                ledger.command("sh").args(["-c", &format!("exit {code}")]);
                            let process = command.launch().unwrap().wait().unwrap();
                            assert_eq!(process.exit_code, Some(code));
                            process.id
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        runs.into_iter()
            .flat_map(|run| run.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 80);
    assert_eq!(
        bench
            .ledger
            .processes(&ProcessFilter::default())
            .unwrap()
            .records
            .len(),
        80
    );
}

//! The ledger with real processes and a real database.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

use std::collections::HashSet;
use std::time::Duration;

use hostledger::model::{KillMode, LogPlace, ProcessStatus};
use hostledger::{
    Ledger, LedgerError, Outcome, Process, ProcessFilter, Signal, Stopped, StoreError, Stream,
};

const LIMIT: Duration = Duration::from_secs(20);

struct Bench {
    directory: tempfile::TempDir,
    ledger: Ledger,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(directory.path().join("data")).unwrap();
        Self { directory, ledger }
    }

    /// The same ledger, opened by somebody else.
    fn again(&self) -> Ledger {
        Ledger::open(self.directory.path().join("data")).unwrap()
    }

    fn run(&self, script: &str) -> Process {
        self.ledger
            .command("sh")
            .args(["-c", script])
            .launch()
            .unwrap()
            .wait()
            .unwrap()
    }
}

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
fn the_tree_of_recorded_processes_is_known_in_both_directions() {
    let bench = Bench::new();
    let child_of = |parent: Option<&Process>| {
        let mut command = bench.ledger.command("true");
        if let Some(parent) = parent {
            command = command.parent(parent.id);
        }
        command.launch().unwrap().wait().unwrap()
    };
    let root = child_of(None);
    let middle = child_of(Some(&root));
    let leaves = [child_of(Some(&middle)), child_of(Some(&middle))];
    let tree = bench.ledger.tree(leaves[0].id).unwrap();
    assert_eq!((tree.depth(), tree.root().id), (2, root.id));
    assert_eq!(tree.ancestors[0].id, middle.id);
    let tree = bench.ledger.tree(root.id).unwrap();
    let below: Vec<_> = tree
        .descendants
        .iter()
        .map(|(depth, one)| (*depth, one.id))
        .collect();
    assert_eq!(
        below,
        [(1, middle.id), (2, leaves[0].id), (2, leaves[1].id)]
    );
}

#[test]
fn a_running_process_is_found_by_its_pid_and_by_the_beginning_of_its_id() {
    let bench = Bench::new();
    let running = bench.ledger.command("sleep").arg("60").launch().unwrap();
    let process = running.process().unwrap();
    let pid = process.pid.unwrap();
    assert_eq!(bench.again().by_pid(pid.get()).unwrap().id, running.id());
    assert_eq!(
        bench.ledger.find_process(&format!("pid:{pid}")).unwrap(),
        running.id()
    );
    let id = running.id().to_string();
    assert_eq!(bench.ledger.find_process(&id[..35]).unwrap(), running.id());
    assert_eq!(bench.ledger.running(None).unwrap().records.len(), 1);
    running.stop(Signal::KILL, None);
    running.wait().unwrap();
    assert!(matches!(
        bench.ledger.by_pid(pid.get()),
        Err(LedgerError::NoSuchPid { .. })
    ));
    assert!(matches!(
        bench.ledger.find_process("zz"),
        Err(LedgerError::Prefix(_))
    ));
    assert!(matches!(
        bench.ledger.find_process("00"),
        Err(LedgerError::NotFound { .. })
    ));
    let machine = bench.ledger.current_machine().unwrap().id.to_string();
    assert!(matches!(
        bench.ledger.find_process(&machine),
        Err(LedgerError::WrongKind { .. })
    ));
}

#[test]
fn somebody_else_can_wait_for_and_end_a_process() {
    let bench = Bench::new();
    let running = bench.ledger.command("sleep").arg("60").launch().unwrap();
    let other = bench.again();
    assert_eq!(
        other
            .wait(running.id(), Some(Duration::from_millis(30)))
            .unwrap(),
        None
    );
    let waiting = {
        let (other, id) = (other.clone(), running.id());
        std::thread::spawn(move || other.wait(id, Some(LIMIT)).unwrap().unwrap())
    };
    assert_eq!(
        other.terminate(running.id(), LIMIT).unwrap(),
        Stopped::Ended
    );
    let seen = waiting.join().unwrap();
    assert_eq!(
        (seen.exit_code, seen.outcome),
        (Some(143), Some(Outcome::Killed))
    );
    assert_eq!(running.wait().unwrap(), seen);
    assert_eq!(
        other.terminate(running.id(), LIMIT).unwrap(),
        Stopped::AlreadyEnded
    );
}

#[test]
fn a_process_that_ignores_sigterm_is_killed_after_the_grace() {
    let bench = Bench::new();
    let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let running = bench
        .ledger
        .command("sh")
        .args(["-c", script])
        .launch()
        .unwrap();
    let log = bench
        .ledger
        .log_path(&running.process().unwrap(), Stream::Stdout)
        .unwrap();
    while std::fs::read(&log).unwrap().is_empty() {
        std::thread::yield_now();
    }
    let stopped = bench
        .again()
        .terminate(running.id(), Duration::from_millis(100))
        .unwrap();
    assert_eq!(stopped, Stopped::Killed);
    let process = running.wait().unwrap();
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(137), Some(Outcome::Killed))
    );
}

#[test]
fn a_program_is_stopped_when_its_time_is_up_and_has_two_minutes_unless_told() {
    let bench = Bench::new();
    let command = bench
        .ledger
        .command("sh")
        .args(["-c", "sleep 60 & sleep 60"]);
    let running = command
        .timeout(Duration::from_millis(100))
        .launch()
        .unwrap();
    let process = running.wait_timeout(LIMIT).unwrap().unwrap();
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(143), Some(Outcome::TimedOut))
    );
    assert_eq!((process.timeout, process.timeout_ms), (1, Some(100)));
    let usual = bench.ledger.command("true").create().unwrap();
    assert_eq!((usual.timeout, usual.timeout_ms), (120, Some(120_000)));
    let endless = bench.ledger.command("true").no_timeout().create().unwrap();
    assert_eq!(endless.timeout_ms, None);
}

/// Whether a program with exactly this argument runs anywhere.
fn runs(argument: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0)
            .any(|part| part == argument.as_bytes())
    })
}

#[test]
fn what_a_stopped_program_leaves_of_its_group_is_ended_too() {
    let bench = Bench::new();
    for (way, seconds) in [
        ("timeout", "60.0101"),
        ("terminate", "60.0102"),
        ("stop", "60.0103"),
    ] {
        let script = format!("(trap '' TERM; echo ready; exec sleep {seconds}) & sleep 59");
        let mut command = bench.ledger.command("sh").args(["-c", &script]);
        if way == "timeout" {
            command = command.timeout(Duration::from_millis(300));
        }
        let running = command.launch().unwrap();
        let log = bench
            .ledger
            .open_log(&running.process().unwrap(), Stream::Stdout)
            .unwrap();
        let deadline = std::time::Instant::now() + LIMIT;
        while log.metadata().unwrap().len() == 0 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        match way {
            "terminate" => {
                let stopped = bench.again().terminate(running.id(), LIMIT).unwrap();
                assert_eq!(stopped, Stopped::Ended);
            }
            "stop" => running.stop(Signal::TERM, None),
            _ => {}
        }
        assert_eq!(running.wait().unwrap().exit_code, Some(143), "{way}");
        while runs(seconds) && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!runs(seconds), "{way}");
    }
}

#[test]
fn a_queued_process_cannot_be_killed_and_nothing_is_remembered_of_the_try() {
    let bench = Bench::new();
    let queued = bench.ledger.command("true").create().unwrap();
    assert!(bench.ledger.kill(queued.id, Signal::TERM).is_err());
    assert!(bench.ledger.terminate(queued.id, LIMIT).is_err());
    assert_eq!(bench.ledger.process(queued.id).unwrap().stop, None);
    let process = bench.ledger.launch(queued.id).unwrap().wait().unwrap();
    assert_eq!(process.outcome, Some(Outcome::Exited));
}

#[test]
fn a_secret_cannot_be_queued_as_its_value_is_not_stored() {
    let bench = Bench::new();
    let refused = bench
        .ledger
        .command("true")
        .env("API_KEY", "hunter2")
        .create();
    assert!(matches!(refused, Err(LedgerError::SecretMissing { .. })));
}

#[test]
fn our_own_row_is_stopped_without_our_process_group() {
    let bench = Bench::new();
    let own = bench.ledger.current_process().unwrap();
    assert_eq!(own.kill_mode, KillMode::Process);
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

#[test]
fn our_own_process_is_recorded_once_with_its_relatives() {
    let bench = Bench::new();
    let own = bench.ledger.current_process().unwrap();
    assert_eq!(own.pid.unwrap().get().unsigned_abs(), std::process::id());
    assert_eq!(own.log, Some(LogPlace::Terminal));
    assert_eq!(bench.ledger.current_process().unwrap().id, own.id);
    assert_eq!(
        bench.again().current_process().unwrap().id,
        own.id,
        "found by its identity"
    );
    let child = bench.run("true");
    assert_eq!(child.parent_id, Some(own.id), "what we start is below us");
}

#[test]
fn a_deleted_machine_is_noticed_and_made_anew() {
    let bench = Bench::new();
    let machine = bench.ledger.current_machine().unwrap();
    bench.ledger.delete_machine(machine.id).unwrap();
    let anew = bench.ledger.current_machine().unwrap();
    assert_ne!(anew.id, machine.id);
    assert_eq!(anew.facts.guid, machine.facts.guid);
    assert_eq!(bench.again().current_machine().unwrap().id, anew.id);
}

#[test]
fn a_ledger_that_cannot_be_is_refused_with_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a database").unwrap();
    let error = Ledger::open(&file).err().unwrap();
    assert!(matches!(error, LedgerError::DataDir(_)), "{error:?}");
    assert!(error.hint().is_some());
    let mut url = std::ffi::OsString::from("sqlite:");
    url.push(&file);
    let error = Ledger::options()
        .data_dir(directory.path())
        .database(url)
        .open()
        .err()
        .unwrap();
    assert!(
        matches!(error, LedgerError::Store(StoreError::NotADatabase { .. })),
        "{error:?}"
    );
    assert!(error.hint().is_some());
}

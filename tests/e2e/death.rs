//! hostledger itself is killed while a program runs: the program goes on, and what becomes of it
//! is told truly or not at all.

use std::path::{Path, PathBuf};

use hostledger_tests::{Ledger, Signal, wait_until};
use serde_json::Value;

use crate::background::{Background, UNTIL_GO, is_alive, record};

/// How /proc names a pidfd, before Linux 6.9 and since.
const PIDFD: [&str; 2] = ["anon_inode:[pidfd]", "pidfd:["];

/// A script that writes before and after, and ends with 9.
fn script() -> String {
    format!("echo one >&2; {UNTIL_GO}; echo two; exit 9")
}

/// A program whose hostledger is dead.
fn orphan(ledger: &Ledger) -> Orphan {
    let run = Background::start(ledger, &script());
    run.run.signal(Signal::KILL);
    let Background { run, id, pid, go } = run;
    run.wait().expect_signal(Signal::KILL);
    Orphan { id, pid, go }
}

struct Orphan {
    id: String,
    pid: i32,
    go: PathBuf,
}

impl Orphan {
    /// Also as a zombie.
    fn is_there(&self) -> bool {
        Path::new(&format!("/proc/{}", self.pid)).exists()
    }

    /// Kills the process that stayed its parent when its launcher died.
    fn kill_keeper(&self) {
        hostledger_tests::kill_keeper_of(self.pid);
    }

    fn go(&self) {
        std::fs::write(&self.go, "").unwrap();
    }
}

/// Whether the kernel tells others than the parent how a process has ended (Linux 6.15).
fn kernel_tells() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release
        .split('.')
        .map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 15)
}

/// Asserts that a record tells the truth, or, where the kernel tells nobody, that it is lost; gives
/// the exit code of whoever has waited for it.
#[track_caller]
fn assert_truth(process: &Value, outcome: &str, code: i32) -> i32 {
    let told = assert_truth_or_lost(process, outcome, code);
    assert!(told == code || !kernel_tells(), "{process:#}");
    told
}

#[track_caller]
fn assert_truth_or_lost(process: &Value, outcome: &str, code: i32) -> i32 {
    if process["outcome"] == "lost" {
        assert_lost(process);
        return 125;
    }
    assert_eq!(process["status"], "exited", "{process:#}");
    assert_eq!(process["outcome"], outcome, "{process:#}");
    assert_eq!(process["exit_code"], code, "{process:#}");
    assert!(process["ended_at"].is_string(), "{process:#}");
    code
}

#[track_caller]
fn assert_lost(process: &Value) {
    assert_eq!(process["status"], "exited", "{process:#}");
    assert_eq!(process["outcome"], "lost", "{process:#}");
    assert_eq!(
        process["exit_code"],
        Value::Null,
        "never made up: {process:#}"
    );
    assert!(process["ended_at"].is_string(), "{process:#}");
}

#[test]
fn the_program_goes_on_and_so_does_its_log() {
    let ledger = Ledger::new();
    let orphan = orphan(&ledger);
    let running = ledger.json(["ps"]);
    assert_eq!(running.len(), 1, "{running:#?}");
    assert_eq!(
        (&running[0]["id"], &running[0]["pid"]),
        (&orphan.id.clone().into(), &orphan.pid.into())
    );
    assert!(is_alive(orphan.pid));
    let logs = |ledger: &Ledger| {
        let logs = ledger.run(["logs", &orphan.id]).expect_code(0);
        (logs.stdout_text().to_owned(), logs.stderr_text().to_owned())
    };
    wait_until("what it has written can be read", || {
        logs(&ledger) == ("ready\n".to_owned(), "one\n".to_owned())
    });
    orphan.go();
    wait_until("it has written the rest", || {
        ledger.run(["logs", &orphan.id, "--stdout"]).stdout == b"ready\ntwo\n"
    });
}

#[test]
fn whoever_waits_for_it_is_told_the_truth_or_nothing() {
    let ledger = Ledger::new();
    let orphan = orphan(&ledger);
    let waits: Vec<_> = (0..3)
        .map(|_| ledger.command(["wait", &orphan.id]).start())
        .collect();
    for wait in &waits {
        wait_until("it waits for the process", || wait.holds(&PIDFD));
    }
    orphan.go();
    let codes: Vec<_> = waits
        .into_iter()
        .map(|wait| wait.wait().status.code())
        .collect();
    let process = record(&ledger, &orphan.id);
    let code = assert_truth(&process, "exited", 9);
    assert_eq!(codes, [Some(code); 3]);
    if code == 9 {
        assert_eq!(process["stdout_bytes"], "ready\ntwo\n".len());
    }
    assert_eq!(ledger.json(["ps"]), [Value::Null; 0]);
}

#[test]
fn an_end_that_its_keeper_saw_is_told_by_whoever_opens_the_ledger_next() {
    let ledger = Ledger::new();
    let orphan = orphan(&ledger);
    orphan.go();
    wait_until("it has been reaped", || !orphan.is_there());
    let process = record(&ledger, &orphan.id);
    assert_eq!(
        (&process["exit_code"], &process["outcome"]),
        (&9.into(), &"exited".into())
    );
    assert!(process["cpu_user_us"].is_number(), "{process:#}");
    assert_eq!(process["stdout_bytes"], "ready\ntwo\n".len());
    wait_until("nothing is left of the keeper", || {
        ledger.run(["ps"]);
        std::fs::read_dir(ledger.data().join("keepers"))
            .unwrap()
            .count()
            == 0
    });
}

#[test]
fn an_end_that_nobody_saw_is_lost_and_no_code_is_made_up() {
    let ledger = Ledger::new();
    let orphan = orphan(&ledger);
    orphan.kill_keeper();
    orphan.go();
    // Its zombie could still tell; init takes its time with it here and there.
    wait_until("it has been reaped", || !orphan.is_there());
    let waited = ledger.run(["wait", &orphan.id]);
    waited.expect_refusal(125, &[&orphan.id]);
    let process = record(&ledger, &orphan.id);
    assert_lost(&process);
    // Once and for all.
    ledger.run(["wait", &orphan.id]).expect_code(125);
    assert_eq!(record(&ledger, &orphan.id), process);
    assert_eq!(ledger.json(["ps"]), [Value::Null; 0]);
}

#[test]
fn an_orphan_can_be_ended() {
    let ledger = Ledger::new();
    let orphan = orphan(&ledger);
    ledger.run(["kill", &orphan.id]).expect_code(0);
    assert_eq!(ledger.alive(), [""; 0]);
    let process = record(&ledger, &orphan.id);
    assert_truth(&process, "killed", 143);
    assert_eq!(ledger.json(["ps"]), [Value::Null; 0]);
}

#[test]
fn a_death_at_any_moment_of_the_start_leaves_no_row_that_lies() {
    let ledger = Ledger::new();
    let begun = std::time::Instant::now();
    ledger.sh("true").expect_code(0);
    let usual = begun.elapsed();
    for number in 0..20 {
        let run = ledger.command(["run", "--", "sleep", "60"]).start();
        std::thread::sleep(usual * number / 16);
        run.signal_if_alive(Signal::KILL);
        run.wait().expect_signal(Signal::KILL);
    }
    let alive = ledger.alive().len();
    let running = ledger.json(["ps"]);
    for process in &running {
        let pid = process["pid"].as_i64().unwrap();
        let id = process["id"].as_str().unwrap();
        let environment = hostledger_tests::environment_of(pid.try_into().unwrap());
        let tag = environment
            .iter()
            .find(|(key, _)| key == "HOSTLEDGER_PROCESS");
        assert!(tag.is_some_and(|(_, value)| value == id), "{process:#}");
    }
    assert!(
        alive >= running.len(),
        "{alive} processes, {} rows say running",
        running.len()
    );
    let processes = ledger.processes();
    for process in processes.iter().filter(|it| it["status"] == "queued") {
        assert!(
            process["pid"].is_null() && process["exit_code"].is_null(),
            "{process:#}"
        );
    }
    assert_eq!(ledger.kill_all(), alive);
    for process in &running {
        let id = process["id"].as_str().unwrap();
        let waited = ledger.run(["wait", id]);
        // Its zombie may still be there to tell.
        let process = record(&ledger, id);
        let code = assert_truth_or_lost(&process, "signaled", 137);
        waited.expect_code(code);
    }
}

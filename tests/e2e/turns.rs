//! What a worker has taken on ahead belongs to nobody for long.

use std::fs;
use std::path::Path;

use hostledger_tests::{
    Ledger, Signal, Started, hostledger, signal_keeper, skipped, stop_keeper, wait_until,
};
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use serde_json::json;

use crate::background::record;
use crate::group::Group;
use crate::others::others;
use crate::work::{append, lines, submit, until, wait_lines, worker};

/// Enough short programs that a worker takes some on ahead of their turn.
const SHORT: usize = 60;
/// As many follow a long one.
const BEHIND: usize = 20;

/// A worker whose one slot is taken by a long program, with others queued behind it.
struct Behind {
    ledger: Ledger,
    first: Started,
    ids: Vec<String>,
}

impl Behind {
    fn begin() -> Self {
        let ledger = Ledger::new();
        let (go, begun) = (ledger.path("go"), ledger.path("begun"));
        let short = vec!["exit 0".to_owned(); SHORT];
        submit(&ledger, &short, &json!({}));
        submit(&ledger, &[until(&go, &begun, 0)], &json!({}));
        let behind = vec![append(&ledger.path("ran"), "x"); BEHIND];
        let ids = submit(&ledger, &behind, &json!({}));
        let first = worker(&ledger, &["--jobs", "1", "--once"]);
        wait_lines(&begun, 1);
        Self { ledger, first, ids }
    }

    fn ran(&self) -> usize {
        lines(&self.ledger.path("ran")).len()
    }

    /// Lets the long one end.
    fn end(self) -> (Ledger, Started) {
        fs::write(self.ledger.path("go"), "").unwrap();
        (self.ledger, self.first)
    }
}

#[test]
fn what_waits_behind_long_work_is_run_by_another_worker() {
    let behind = Behind::begin();
    let second = worker(&behind.ledger, &["--jobs", "1"]);
    wait_until("the second worker has run all that waited", || {
        behind.ran() == BEHIND
    });
    second.signal(Signal::TERM);
    second.wait().expect_code(0);
    let (ledger, first) = behind.end();
    first.wait().expect_code(0);
    assert_eq!(lines(&ledger.path("ran")).len(), BEHIND, "once each");
}

#[test]
fn what_waits_behind_long_work_is_cancelled_and_never_runs() {
    let behind = Behind::begin();
    let cancelled = behind.ledger.command(["cancel"]).args(&behind.ids).output();
    let cancelled = cancelled.expect_code(0);
    let told = cancelled.stdout_text().lines();
    assert_eq!(
        told.filter(|line| line.ends_with(" cancelled")).count(),
        BEHIND
    );
    let (ledger, first) = behind.end();
    first.wait().expect_code(0);
    assert!(!Path::new(&ledger.path("ran")).exists());
}

/// How many ran at once, as each program has counted when it began.
fn at_once(ledger: &Ledger) -> Vec<u32> {
    let counts = lines(&ledger.path("counts"));
    counts
        .iter()
        .map(|count| count.trim().parse().unwrap())
        .collect()
}

#[test]
fn no_more_run_than_may_though_one_keeper_after_the_other_dies() {
    const JOBS: u32 = 4;
    let ledger = Ledger::new();
    let (running, counts) = (ledger.path("running"), ledger.path("counts"));
    fs::create_dir(&running).unwrap();
    let (running, counts) = (running.display(), counts.display());
    let script = format!(
        "touch {running}/$$; ls {running} | wc -l >> {counts}; sleep 0.02; rm {running}/$$"
    );
    submit(&ledger, &vec![script; 400], &json!({}));
    let work = worker(&ledger, &["--jobs", "4", "--once"]);
    let mut killed = 0;
    while !work.has_ended() {
        let before = at_once(&ledger).len();
        killed += u32::from(signal_keeper(work.pid(), Signal::KILL));
        wait_until("others have begun", || {
            work.has_ended() || at_once(&ledger).len() > before + 10
        });
    }
    let done = work.wait().expect_code(0);
    assert_eq!(done.stdout_text().trim(), "400 succeeded");
    assert!(killed > 5, "{killed} keepers were killed");
    let counts = at_once(&ledger);
    assert_eq!(counts.len(), 400, "once each");
    assert!(counts.iter().all(|count| *count <= JOBS), "{counts:?}");
}

/// How many are taken on and not started.
fn claimed(ledger: &Ledger) -> usize {
    let of_somebody = "status = 'queued' AND owner IS NOT NULL";
    others(
        ledger,
        &format!("UPDATE machine_process SET pid = pid WHERE {of_somebody}"),
    )
}

#[test]
fn what_a_stopped_keeper_was_handed_is_run_once_by_another_worker() {
    let ledger = Ledger::new();
    let ran = ledger.path("ran");
    let options = ["--jobs", "1", "--lease-slack", "6s"];
    let first = worker(&ledger, &options);
    submit(&ledger, &[append(&ran, "warm")], &json!({"timeout": "1s"}));
    wait_lines(&ran, 1);
    let keeper = stop_keeper(first.pid());
    let script = format!("{}; sleep 0.3", append(&ran, "x"));
    let ids = submit(&ledger, &[script], &json!({"timeout": "1s"}));
    wait_until("the first has taken it on", || claimed(&ledger) == 1);
    // Its lease is over in 7 s.
    let second = worker(&ledger, &options);
    wait_until("the second has run it", || {
        record(&ledger, &ids[0])["status"] == "exited"
    });
    drop(keeper);
    let after = submit(&ledger, &[append(&ran, "after")], &json!({}));
    wait_until("it goes on", || {
        record(&ledger, &after[0])["status"] == "exited"
    });
    for work in [first, second] {
        work.signal(Signal::TERM);
        work.wait().expect_code(0);
    }
    assert_eq!(lines(&ran), ["warm", "x", "after"]);
    assert_eq!(record(&ledger, &ids[0])["outcome"], "exited");
}

#[test]
fn a_worker_ends_when_asked_though_its_keeper_is_stopped() {
    let ledger = Ledger::new();
    let ran = ledger.path("ran");
    let work = worker(&ledger, &["--jobs", "1"]);
    submit(&ledger, &[append(&ran, "warm")], &json!({}));
    wait_lines(&ran, 1);
    let keeper = stop_keeper(work.pid());
    submit(&ledger, &[append(&ran, "x")], &json!({}));
    wait_until("it is taken on", || claimed(&ledger) == 1);
    work.signal(Signal::TERM);
    // Long before the keeper answers.
    wait_until("it has ended", || work.has_ended());
    work.wait().expect_code(0);
    drop(keeper);
}

/// In a cgroup that is frozen, a child stands still between its birth and its program. Its keeper
/// dies then; says what has run when something was done about the child.
fn when_a_keeper_dies_in_the_middle_of_a_start(then: impl Fn(i32)) -> Option<Vec<String>> {
    let ledger = Ledger::new();
    let Some(group) = Group::make("hostledger-e2e-unborn") else {
        skipped("no cgroup v2 hierarchy can be written");
        return None;
    };
    let ran = ledger.path("ran");
    submit(&ledger, &[append(&ran, "warm")], &json!({}));
    let work = group.run(&ledger, ["work", "--jobs", "1"]).start();
    wait_lines(&ran, 1);
    let pool = group.only_child();
    fs::write(pool.join("cgroup.freeze"), "1").unwrap();
    let ids = submit(&ledger, &[append(&ran, "x")], &json!({}));
    let born = || {
        let mut groups = fs::read_dir(&pool).unwrap().flatten();
        groups.find_map(|it| {
            let pids = fs::read_to_string(it.path().join("cgroup.procs")).ok()?;
            pids.trim_end().parse().ok()
        })
    };
    wait_until("its child is born", || born().is_some());
    assert!(signal_keeper(work.pid(), Signal::KILL));
    then(born().unwrap());
    fs::write(pool.join("cgroup.freeze"), "0").unwrap();
    wait_until("it has run", || {
        record(&ledger, &ids[0])["status"] == "exited"
    });
    let process = record(&ledger, &ids[0]);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&json!("exited"), &json!(0))
    );
    work.signal(Signal::TERM);
    work.wait().expect_code(0);
    Some(lines(&ran))
}

#[test]
fn a_start_in_whose_middle_the_keeper_dies_is_made_once() {
    let ran = when_a_keeper_dies_in_the_middle_of_a_start(|_| ());
    assert!(ran.is_none_or(|ran| ran == ["warm", "x"]));
}

#[test]
fn a_start_that_comes_to_nothing_with_its_keeper_is_made_again() {
    let ran = when_a_keeper_dies_in_the_middle_of_a_start(|child| {
        // Its parent was killed a moment ago, and nobody has reaped it.
        let child = Pid::from_raw(child).unwrap();
        let child = pidfd_open(child, PidfdFlags::empty()).unwrap();
        pidfd_send_signal(&child, Signal::KILL).unwrap();
    });
    assert!(ran.is_none_or(|ran| ran == ["warm", "x"]));
}

#[test]
fn programs_wait_for_descriptors_that_have_run_out() {
    let ledger = Ledger::new();
    let file = ledger.path("ran");
    let script = format!("sleep 0.3; {}", append(&file, "x"));
    submit(&ledger, &vec![script; 60], &json!({}));
    let limited = ["-c", "ulimit -n 48; exec \"$@\"", "sh"];
    let work = ledger.other("sh").args(limited).arg(hostledger());
    let work = work.arg("--data").arg(ledger.data());
    let done = work.args(["work", "--once", "--jobs", "60"]).output();
    let done = done.expect_code(0);
    assert_eq!(done.stdout_text().trim(), "60 succeeded");
    assert_eq!(lines(&file).len(), 60);
}

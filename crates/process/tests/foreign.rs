//! Rows of others: who is taken for the recorded process, and who is not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use hostledger_model::{Pid, Timestamp};
use hostledger_process::{ForeignRow, PidSpace, Signal, Verdict, start_time};

use support::{Place, Running, wait_until};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 3600 * SECOND;

fn later(time: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_unix_micros(time.unix_micros() + micros).unwrap()
}

fn own_pid() -> Pid {
    Pid::new(i32::try_from(std::process::id()).unwrap()).unwrap()
}

fn started(child: &Running) -> Timestamp {
    start_time(child.identity.start_ticks)
}

fn matched(child: &Running, command: &[&str], parent: Option<Pid>) -> Verdict {
    let command: Vec<String> = command.iter().map(|text| (*text).to_owned()).collect();
    let row = ForeignRow {
        pid: child.pid(),
        started_at: started(child),
        command: &command,
        parent,
    };
    let space = PidSpace::current().unwrap();
    space.match_foreign(&row, Timestamp::now()).unwrap()
}

fn is_alive(child: &Running, command: &[&str], parent: Option<Pid>) -> bool {
    matches!(matched(child, command, parent), Verdict::Alive(_))
}

#[test]
fn start_times_may_differ_by_less_than_five_seconds() {
    let place = Place::new();
    let child = place.run(place.spec(["sleep", "60"]));
    let alive = |apart: i64| {
        let row = ForeignRow {
            pid: child.pid(),
            started_at: later(started(&child), apart),
            command: &["sleep".to_owned()],
            parent: None,
        };
        let verdict = PidSpace::current()
            .unwrap()
            .match_foreign(&row, Timestamp::now());
        matches!(verdict.unwrap(), Verdict::Alive(_))
    };
    // To what two clocks that are read one after the other may differ.
    let near = 5 * SECOND - SECOND / 10;
    assert!(alive(0) && alive(near) && alive(-near));
    assert!(!alive(5 * SECOND + SECOND / 10) && !alive(-5 * SECOND - SECOND / 10));
}

#[test]
fn a_row_is_believed_for_less_than_a_day() {
    let place = Place::new();
    let child = place.run(place.spec(["sleep", "60"]));
    let row = ForeignRow {
        pid: child.pid(),
        started_at: started(&child),
        command: &["sleep".to_owned()],
        parent: None,
    };
    let at = |age| {
        let now = later(row.started_at, age);
        PidSpace::current()
            .unwrap()
            .match_foreign(&row, now)
            .unwrap()
    };
    assert!(matches!(at(DAY - 1), Verdict::Alive(_)));
    assert!(matches!(at(DAY), Verdict::Gone));
}

#[test]
fn the_program_occurs_among_the_arguments_by_path_or_name() {
    let place = Place::new();
    let plain = place.run(place.spec(["sleep", "60"]));
    assert!(is_alive(&plain, &["sleep", "1"], None));
    assert!(is_alive(&plain, &["/somewhere/sleep"], None));
    for other in [&["slee"][..], &["cat"], &[""], &[]] {
        assert!(!is_alive(&plain, other, None), "{other:?}");
    }
    let script = place.path("work.sh");
    std::fs::write(&script, "#!/bin/sh\nsleep 60\n").unwrap();
    let script = script.to_str().unwrap();
    let interpreted = place.run(place.spec(["sh", "-c", "sh \"$0\"; true", script]));
    assert!(is_alive(&interpreted, &[script], None));
    assert!(is_alive(&interpreted, &["work.sh"], None));
}

#[test]
fn a_program_that_replaced_itself_is_known_by_the_rest_of_its_command_or_its_parent() {
    let place = Place::new();
    let space = PidSpace::current().unwrap();
    let command = ["env", "A=1", "sleep", "60"];
    let child = place.run(place.spec(command));
    let replaced = || {
        let line = std::fs::read(format!("/proc/{}/cmdline", child.pid())).unwrap();
        line == b"sleep\x0060\0"
    };
    wait_until("env to execute sleep", replaced);
    assert!(is_alive(&child, &command, None));
    assert!(!is_alive(&child, &["env", "sleep", "61"], None));
    assert!(!is_alive(&child, &["env", "A=1", "cat", "60"], None));

    // What a shell executes does not stand at the end of its command.
    let shell = ["sh", "-c", "exec sleep 60"];
    assert!(!is_alive(&child, &shell, None));
    assert!(is_alive(&child, &shell, Some(own_pid())));
    assert!(!is_alive(&child, &shell, Some(child.pid())));
    assert_eq!(space.own_identity().unwrap().pid, own_pid());
}

#[test]
fn with_the_parent_a_process_in_neither_session_is_not_taken() {
    let place = Place::new();
    // A child of the leader that leads no session, in its parent's.
    let leader = place.sh("sleep 60 & echo $! > pid; wait");
    let file = place.path("pid");
    let read = || std::fs::read_to_string(&file).unwrap_or_default();
    wait_until("a pid", || read().ends_with('\n'));
    let pid = Pid::new(read().trim().parse().unwrap()).unwrap();
    let (identity, _) = PidSpace::current().unwrap().identify(pid).unwrap();
    let command = ["sh".to_owned(), "-c".to_owned(), "exec sleep".to_owned()];
    let row = |parent| ForeignRow {
        pid,
        started_at: start_time(identity.start_ticks),
        command: &command,
        parent: Some(parent),
    };
    let space = PidSpace::current().unwrap();
    let verdict = |parent| space.match_foreign(&row(parent), Timestamp::now()).unwrap();
    let executed = || {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"))
    };
    wait_until("the shell's child to execute", executed);
    assert!(matches!(verdict(leader.pid()), Verdict::Alive(_)));
    assert!(matches!(verdict(own_pid()), Verdict::Gone));
}

#[test]
fn a_zombie_is_none_that_runs_and_a_reaped_one_is_gone() {
    let place = Place::new();
    let child = place.run(place.spec(["sleep", "60"]));
    child.pidfd.send_signal(Signal::KILL).unwrap();
    child.pidfd.wait_ended(None).unwrap();
    let zombie = matched(&child, &["sleep"], None);
    assert!(matches!(zombie, Verdict::Zombie(_)));
    child.end();
    assert!(matches!(matched(&child, &["sleep"], None), Verdict::Gone));
}

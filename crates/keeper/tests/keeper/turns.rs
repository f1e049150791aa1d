//! Programs that wait for their turn.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::time::Duration;

use hostledger_keeper::{Event, Keeper, SinceBoot};
use hostledger_model::ProcessId;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::launcher::Launcher;
use crate::support::{Fixture, Wish, state, until};

impl Fixture {
    /// Hands over a script that waits for its turn.
    fn queue(&mut self, script: &str, at_once: u32) -> ProcessId {
        let wish = Wish {
            at_once: Some(at_once),
            directory: self.path("").into_c(),
            ..Wish::default()
        };
        self.launch(&["/bin/sh", "-c", script], wish)
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.directory.path().display())
    }

    fn begun(&self) -> Vec<String> {
        let lines = fs::read_to_string(self.path("begun")).unwrap_or_default();
        lines.lines().map(str::to_owned).collect()
    }
}

trait IntoC {
    fn into_c(self) -> std::ffi::CString;
}

impl IntoC for String {
    fn into_c(self) -> std::ffi::CString {
        std::ffi::CString::new(self).unwrap()
    }
}

/// Says that it has begun, and goes on until it may end.
fn step(number: usize) -> String {
    format!("echo {number} >>begun; while [ ! -e end{number} ]; do sleep 0.01; done")
}

#[test]
fn one_follows_another_and_no_more_run_than_may() {
    let mut fixture = Fixture::new();
    let ids: Vec<_> = (0..6)
        .map(|number| fixture.queue(&step(number), 2))
        .collect();
    // One that does not wait is started whoever else runs.
    let apart = fixture.shell("exit 3");
    fixture.wait_end(apart);
    for (ended, id) in ids.into_iter().enumerate() {
        // Two have begun for each that may have ended: the next one needs nobody to ask for it.
        let wanted = (ended + 2).min(6);
        until("as many have begun as may run", || {
            fixture.begun().len() >= wanted
        });
        let begun: HashSet<String> = fixture.begun().into_iter().collect();
        let expected: HashSet<String> = (0..wanted).map(|number| number.to_string()).collect();
        assert_eq!(begun, expected);
        fs::write(fixture.path(&format!("end{ended}")), "").unwrap();
        fixture.wait_end(id);
    }
}

#[test]
fn what_cannot_be_executed_takes_no_turn_from_the_next() {
    let mut fixture = Fixture::new();
    let at_once = Some(1);
    let missing: Vec<_> = (0..5)
        .map(|_| {
            let wish = Wish {
                at_once,
                ..Wish::default()
            };
            fixture.launch(&["/nonexistent/program"], wish)
        })
        .collect();
    let last = fixture.queue("exit 7", 1);
    for id in missing {
        assert!(fixture.wait_entry(id).failure.is_some());
    }
    fixture.wait_end(last);
}

#[test]
fn what_waits_comes_back_when_it_is_recalled_and_what_runs_goes_on() {
    let mut fixture = Fixture::new();
    let running = fixture.queue(&step(0), 1);
    let waiting: Vec<_> = (1..5)
        .map(|number| fixture.queue(&step(number), 1))
        .collect();
    fixture.wait_started(running);
    fixture.keeper.recall();
    for id in waiting {
        fixture.wait(|event| *event == Event::Returned { id });
    }
    fs::write(fixture.path("end0"), "").unwrap();
    fixture.wait_end(running);
    // The next one waits for nobody, and those that came back were never started.
    let next = fixture.queue("exit 0", 1);
    fixture.wait_end(next);
    assert_eq!(fixture.begun(), ["0"]);
}

#[test]
fn a_limit_that_is_told_by_itself_holds_for_what_waits() {
    let mut fixture = Fixture::new();
    let ids: Vec<_> = (0..3)
        .map(|number| fixture.queue(&step(number), 0))
        .collect();
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(fixture.begun().len(), number, "no more than may have begun");
        fixture.keeper.limit(u32::try_from(number).unwrap() + 1);
        fixture.wait_started(*id);
        until("it runs", || fixture.begun().len() == number + 1);
    }
    for (number, id) in ids.into_iter().enumerate() {
        fs::write(fixture.path(&format!("end{number}")), "").unwrap();
        fixture.wait_end(id);
    }
}

#[test]
fn what_is_not_started_in_time_comes_back_though_nothing_else_happens() {
    let mut fixture = Fixture::new();
    let running = fixture.queue(&step(0), 1);
    fixture.wait_started(running);
    let wish = |at_once, span| Wish {
        at_once,
        start_by: Some(SinceBoot::after(span)),
        ..Wish::default()
    };
    let soon = Duration::from_millis(100);
    let waits = fixture.launch(&["/bin/true"], wish(Some(1), soon));
    fixture.wait(|event| *event == Event::Returned { id: waits });
    // One that need not wait is not started too late either.
    let late = fixture.launch(&["/bin/true"], wish(None, Duration::ZERO));
    fixture.wait(|event| *event == Event::Returned { id: late });
    let in_time = fixture.launch(&["/bin/true"], wish(None, Duration::from_secs(600)));
    fixture.wait_end(in_time);
    fs::write(fixture.path("end0"), "").unwrap();
    fixture.wait_end(running);
}

#[test]
fn more_than_there_is_room_for_come_back_at_once() {
    let mut fixture = Fixture::new();
    let running = fixture.queue(&step(0), 1);
    fixture.wait_started(running);
    for number in 1..=Keeper::MOST_WAITING {
        fixture.queue(&step(number), 1);
    }
    let id = fixture.queue(&step(99), 1);
    fixture.wait(|event| *event == Event::Returned { id });
    fixture.keeper.recall();
}

/// A launcher with a program that runs until there is `go`, and two behind it.
fn with_two_that_wait() -> Launcher {
    let scripts = [
        "while [ ! -e go ]; do sleep 0.01; done".into(),
        "echo >late".into(),
        "echo >late".into(),
    ];
    Launcher::start(&scripts, &[("LAUNCHER_AT_ONCE", "1")])
}

#[track_caller]
fn none_was_late(launcher: &Launcher) {
    let table = &launcher.table;
    until("the keeper has left", || !table.keeper_is_alive().unwrap());
    assert!(!launcher.directory.path().join("late").exists());
    assert_eq!(table.entries().count(), 1);
}

#[test]
fn nothing_that_waits_is_started_once_the_launcher_is_gone() {
    let mut launcher = with_two_that_wait();
    launcher.kill();
    fs::write(launcher.directory.path().join("go"), "").unwrap();
    none_was_late(&launcher);
}

#[test]
fn nothing_that_waits_is_started_by_a_keeper_that_finds_end_and_death_at_once() {
    let mut launcher = with_two_that_wait();
    let table = launcher.table.clone();
    let pid = table.keeper_pid().unwrap().get();
    let keeper = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap();
    assert!(table.keeper_is_alive().unwrap(), "held while it was itself");
    pidfd_send_signal(&keeper, Signal::STOP).unwrap();
    // Until then it goes on.
    until("the keeper stands still", || state(pid) == Some('T'));
    let first = table.entries().next().unwrap().pid.unwrap();
    fs::write(launcher.directory.path().join("go"), "").unwrap();
    until("the first one has ended", || {
        state(first.get()) == Some('Z')
    });
    launcher.kill();
    pidfd_send_signal(&keeper, Signal::CONT).unwrap();
    none_was_late(&launcher);
}

#[test]
fn logs_that_stayed_empty_are_told() {
    let mut fixture = Fixture::new();
    for (script, empty) in [("exit 0", [true; 2]), ("echo something", [false; 2])] {
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(fixture.path("log"))
            .unwrap();
        let wish = Wish {
            stdout: Some(&log),
            max_log_bytes: Some(1 << 20),
            ..Wish::default()
        };
        let id = fixture.launch(&["/bin/sh", "-c", script], wish);
        assert_eq!(fixture.wait_end(id).empty, empty, "{script}");
    }
    // Of what is not kept nothing is known.
    let id = fixture.shell("exit 0");
    assert_eq!(fixture.wait_end(id).empty, [false; 2]);
}

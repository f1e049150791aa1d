//! Nothing is lost when the launcher dies, or the keeper.

use std::collections::HashMap;
use std::time::Duration;

use hostledger_keeper::{CloneWay, Event, Keeper, State, Table};
use hostledger_model::ProcessId;
use hostledger_sys::{EndStatus, Signal, peek_pid, reap_pid, set_child_subreaper};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::launcher::Launcher;
use crate::support::{Fixture, PATIENCE, Wish, launch, start, statuses, until};

#[test]
fn ends_are_in_the_table_when_the_launcher_was_killed() {
    let scripts: Vec<String> = (0..40)
        .map(|number| match number % 4 {
            0 => "while [ ! -e go ]; do sleep 0.01; done; kill -9 $$".into(),
            _ => format!("while [ ! -e go ]; do sleep 0.01; done; exit {number}"),
        })
        .collect();
    let mut launcher = Launcher::start(&scripts, &[]);
    let table = launcher.table.clone();
    launcher.kill();
    assert!(table.keeper_is_alive().unwrap());
    assert_eq!(statuses(&table).len(), 0);
    std::fs::write(launcher.directory.path().join("go"), "").unwrap();
    until("the keeper has left", || !table.keeper_is_alive().unwrap());
    let statuses = statuses(&table);
    for (number, id) in launcher.ids.iter().enumerate() {
        let expected = match number % 4 {
            0 => EndStatus::Signaled(Signal::KILL),
            _ => EndStatus::Exited(number as u8),
        };
        assert_eq!(statuses.get(id), Some(&expected), "{number}");
    }
}

#[test]
fn a_keeper_leaves_when_its_launcher_is_gone_and_nothing_is_left() {
    let mut launcher = Launcher::start(&["exec sleep 1000".into()], &[]);
    let table = launcher.table.clone();
    launcher.kill();
    let entry = table.entries().next().unwrap();
    assert!(table.keeper_is_alive().unwrap());
    launcher.signal(entry.pid.unwrap().get(), Signal::TERM);
    until("the keeper has left", || !table.keeper_is_alive().unwrap());
    let entry = table.entry(entry.slot).unwrap();
    let end = entry.end.unwrap().unwrap();
    assert_eq!(end.status, EndStatus::Signaled(Signal::TERM));
    assert_eq!(entry.stop, None);
    // Once, by whoever takes over.
    assert!(table.settle(entry.slot) && !table.settle(entry.slot));
    assert_eq!(table.entry(entry.slot).unwrap().state, State::Settled);
}

#[test]
fn a_keeper_takes_no_signal_that_can_be_blocked() {
    let mut fixture = Fixture::new();
    let id = fixture.shell("exit 1");
    fixture.wait_end(id);
    for signal in [
        Signal::HUP,
        Signal::INT,
        Signal::TERM,
        Signal::USR1,
        Signal::PIPE,
    ] {
        fixture.keeper.pidfd().send_signal(signal).unwrap();
    }
    let id = fixture.shell("exit 2");
    assert_eq!(fixture.wait_end(id).status, EndStatus::Exited(2));
}

#[test]
fn what_a_program_left_behind_is_reaped() {
    let mut fixture = Fixture::new();
    let path = fixture.directory.path().join("pid");
    let script = format!("(exec sleep 0.1) & echo $! > {}", path.display());
    let id = fixture.shell(&script);
    fixture.wait_end(id);
    let pid = crate::support::read_line(&path);
    let gone = format!("/proc/{pid}");
    until("the orphan has been reaped", || {
        !std::path::Path::new(&gone).exists()
    });
}

#[test]
fn after_the_seal_nothing_is_started() {
    let mut fixture = Fixture::new();
    let id = fixture.shell("exit 1");
    fixture.wait_end(id);
    fixture.table().seal();
    let path = fixture.directory.path().join("ran");
    let wanted = fixture.shell(&format!(": > {}", path.display()));
    let event = fixture.wait(|event| matches!(event, Event::Refused { .. }));
    let reason = Errno::CANCELED;
    assert_eq!(event, Event::Refused { id: wanted, reason });
    assert!(!path.exists());
    assert!(fixture.table().entries().all(|entry| entry.id != wanted));
}

#[test]
fn a_keeper_that_is_killed_at_any_moment_leaves_every_process_accounted_for() {
    set_child_subreaper().unwrap();
    let mut seen = HashMap::new();
    for round in 0..40u64 {
        let directory = tempfile::tempdir().unwrap();
        let way = [CloneWay::Concurrent, CloneWay::Suspended][usize::from(round % 8 == 7)];
        let mut keeper = start(directory.path(), None, way);
        let ids: Vec<_> = (0..24u8)
            .map(|number| {
                let id = ProcessId::generate();
                let mark = directory.path().join(format!("ran.{number}"));
                let pause = number % 3;
                let script = format!(
                    "echo >> {}; sleep 0.0{pause}; exit {number}",
                    mark.display()
                );
                launch(
                    &mut keeper,
                    id,
                    &["/bin/sh", "-c", &script],
                    &Wish::default(),
                );
                id
            })
            .collect();
        // Any moment is to be met, from before its start to when much has ended.
        std::thread::sleep(Duration::from_micros(round * 900));
        keeper.pidfd().send_signal(Signal::KILL).unwrap();
        wait_for_death(&mut keeper);
        let found = account(keeper.table(), &mut seen);
        for (number, id) in (0..24u8).zip(&ids) {
            let mark = directory.path().join(format!("ran.{number}"));
            let ran = std::fs::read_to_string(&mark).map_or(0, |text| text.len());
            match found.get(id) {
                Some(status) => assert_eq!((*status, ran), (EndStatus::Exited(number), 1)),
                None => assert_eq!(ran, 0, "process {number} ran and nobody knows of it"),
            }
        }
    }
    println!("how far they were when the keeper died: {seen:?}");
    assert!(seen.len() > 1, "{seen:?}");
}

fn wait_for_death(keeper: &mut Keeper) {
    let mut events = Vec::new();
    until("the death is told", || {
        events.extend(keeper.take_events());
        events.contains(&Event::Died)
    });
    assert_eq!(events.last(), Some(&Event::Died));
    assert_eq!(keeper.take_events(), []);
    // A child that is just executing its program holds the lock for a moment, too.
    until("the lock is gone", || {
        !keeper.table().keeper_is_alive().unwrap()
    });
}

/// How each ended: what the keeper wrote down, or what we reap as their new parent.
fn account(table: &Table, seen: &mut HashMap<String, u32>) -> HashMap<ProcessId, EndStatus> {
    let mut found = HashMap::new();
    for entry in table.entries() {
        *seen.entry(format!("{:?}", entry.state)).or_default() += 1;
        let status = match (entry.state, entry.pid) {
            (State::Ended, _) => entry.end.unwrap().unwrap().status,
            (State::Starting | State::Running, Some(pid)) => {
                end_of_child(Pid::from_raw(pid.get()).unwrap())
            }
            (State::Starting, None) => continue,
            other => panic!("{other:?}"),
        };
        found.insert(entry.id, status);
    }
    found
}

fn end_of_child(pid: Pid) -> EndStatus {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        match peek_pid(pid) {
            Ok(Some(ended)) => {
                reap_pid(pid).unwrap();
                return EndStatus::of_wait_status(ended.wait_status).unwrap();
            }
            // The orphans come to us a moment after the keeper's end of the socket is closed.
            Ok(None) | Err(Errno::CHILD) => std::thread::sleep(Duration::from_millis(1)),
            Err(errno) => panic!("{errno}"),
        }
        assert!(
            std::time::Instant::now() < end,
            "{pid} did not end, or is not ours"
        );
    }
}

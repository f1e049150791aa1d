//! Cgroups are used again when they are empty and were never killed, and only then.

use std::fs;
use std::path::PathBuf;

use hostledger_keeper::{CloneWay, Slot};
use hostledger_model::ProcessId;
use hostledger_sys::{EndStatus, Signal};

use crate::support::{Fixture, Group, until};

/// Runs a script to its end in a slot; gives the slot and the group it was in.
fn run(fixture: &mut Fixture, script: &str) -> (Slot, PathBuf) {
    let id = fixture.shell(script);
    let entry = fixture.wait_entry(id);
    assert_eq!(entry.end.unwrap().unwrap().status, EndStatus::Exited(0));
    (entry.slot, entry.group.unwrap())
}

fn waiting(fixture: &mut Fixture) -> (ProcessId, Slot, PathBuf) {
    let id = fixture.shell("exec sleep 1000");
    let slot = fixture.wait_started(id);
    let group = fixture.table().entry(slot).unwrap().group.unwrap();
    (id, slot, group)
}

#[test]
fn a_program_is_born_into_a_group_of_its_own_that_is_used_again() {
    for way in [CloneWay::Concurrent, CloneWay::Suspended] {
        let Some(group) = Group::new() else {
            return;
        };
        let mut fixture = Fixture::with(Some(&group.0), way);
        let (id, slot, path) = waiting(&mut fixture);
        let pid = fixture.table().entry(slot).unwrap().pid.unwrap();
        let members = fs::read_to_string(path.join("cgroup.procs")).unwrap();
        assert_eq!(members, format!("{pid}\n"));
        let lease = fixture.table().group_lease(slot).unwrap();
        assert_eq!((lease.path(), lease.is_current()), (&*path, true));
        crate::support::signal(pid.get(), Signal::KILL);
        fixture.wait_end(id);
        fixture.keeper.release(slot);

        let (again, next) = run(&mut fixture, "exit 0");
        assert_eq!((again, next), (slot, path));
        // Who had it before has lost the right to end it.
        assert!(!lease.is_current() && !lease.condemn());
    }
}

#[test]
fn a_condemned_group_is_not_used_again() {
    let Some(group) = Group::new() else {
        return;
    };
    let mut fixture = Fixture::with(Some(&group.0), CloneWay::Concurrent);
    let (id, slot, path) = waiting(&mut fixture);
    let lease = fixture.table().group_lease(slot).unwrap();
    assert!(lease.condemn() && lease.condemn() && lease.is_current());
    fs::write(path.join("cgroup.kill"), "1").unwrap();
    assert_eq!(
        fixture.wait_end(id).status,
        EndStatus::Signaled(Signal::KILL)
    );
    fixture.keeper.release(slot);
    let (again, next) = run(&mut fixture, "exit 0");
    assert_eq!(again, slot);
    assert_ne!(next, path);
    until("the old one is removed", || !path.exists());
}

#[test]
fn a_group_in_which_somebody_still_lives_is_not_used_again() {
    let Some(group) = Group::new() else {
        return;
    };
    let mut fixture = Fixture::with(Some(&group.0), CloneWay::Concurrent);
    let (slot, path) = run(&mut fixture, "sleep 1000 & exit 0");
    fixture.keeper.release(slot);
    let (again, next) = run(&mut fixture, "exit 0");
    assert_eq!(again, slot);
    assert_ne!(next, path);
}

#[test]
fn where_there_is_no_group_to_be_had_a_program_starts_without() {
    // A directory that is no cgroup.
    let directory = tempfile::tempdir().unwrap();
    let mut fixture = Fixture::with(Some(directory.path()), CloneWay::Concurrent);
    let id = fixture.shell("exit 4");
    let entry = fixture.wait_entry(id);
    assert_eq!(entry.end.unwrap().unwrap().status, EndStatus::Exited(4));
    assert_eq!(entry.group, None);
    assert!(fixture.table().group_lease(entry.slot).is_none());
}

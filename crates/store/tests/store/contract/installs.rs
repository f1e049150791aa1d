//! The life of a binary that is asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hostledger_model::{
    Binary, BinaryChange, BinaryId, BinaryStatus, InstalledFile, MachineId, OwnerId, Process,
    ProviderReason, ReasonKind,
};
use hostledger_store::{Change, Commit, RecordId, Store, Used};

use super::Harness;
use super::world::{at, insert, machine, new_binary, new_process, refused, row, submit, write};

fn step(id: BinaryId, change: BinaryChange, owner: Option<OwnerId>) -> Change {
    Change::ChangeBinary { id, change, owner }
}

/// A claim until second 2000.
fn claim(owner: OwnerId, dead: Option<OwnerId>) -> BinaryChange {
    BinaryChange::Claimed {
        owner,
        lease_until: at(2000),
        dead,
    }
}

fn reasons() -> Vec<ProviderReason> {
    vec![ProviderReason {
        provider: "pip".to_owned(),
        outcome: ReasonKind::Failed,
        reason: "no such \"package\"\nü".to_owned(),
        process_id: None,
    }]
}

fn file() -> InstalledFile {
    InstalledFile {
        abspath: "/opt/tool".to_owned(),
        version: "2.0".to_owned(),
        sha256: Some("ab".to_owned()),
        binprovider: None,
    }
}

fn every_step() -> Vec<BinaryChange> {
    vec![
        BinaryChange::Deferred { retry_at: at(1500) },
        BinaryChange::Trying {
            reasons: reasons(),
            lease_until: at(1660),
        },
        BinaryChange::Trying {
            reasons: vec![],
            lease_until: at(1660),
        },
        BinaryChange::Installed(file()),
        BinaryChange::Requeued {
            reasons: reasons(),
            retry_at: at(1300),
        },
        BinaryChange::Failed { reasons: reasons() },
    ]
}

/// A request in the ledger, due at second 0.
fn requested(store: &dyn Store, machine: MachineId, name: &str) -> Binary {
    let request = Binary::request(machine, name, at(0)).unwrap();
    write(store, vec![Change::InsertBinary(Box::new(request.clone()))]);
    request
}

/// One that somebody is at work on.
fn claimed(store: &dyn Store, machine: MachineId, name: &str) -> (Binary, OwnerId) {
    let request = requested(store, machine, name);
    let owner = OwnerId::generate();
    write(store, vec![step(request.id, claim(owner, None), None)]);
    (binary(store, request.id), owner)
}

fn binary(store: &dyn Store, id: BinaryId) -> Binary {
    store.binary(id).unwrap().unwrap()
}

/// Asks for a binary; the row that it is.
fn ask(store: &dyn Store, request: &Binary) -> BinaryId {
    let change = Change::RequestBinary(Box::new(request.clone()));
    let Commit::Applied(written) = submit(store, vec![change]).unwrap() else {
        panic!("a request is never refused");
    };
    let Some(RecordId::Binary(id)) = written.first().copied() else {
        panic!("a request is a binary: {written:?}");
    };
    id
}

pub(crate) fn a_request_that_waits_goes_on_as_often_as_it_was_to_be<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let mut once = requested(store, machine, "tool");
    once.max_attempts = Some(1);
    for (waits, expected) in [(None, None), (Some(3), Some(3))] {
        let row = binary(store, once.id);
        let waiting = Binary {
            max_attempts: waits,
            attempt: 2,
            ..row
        };
        write(store, vec![Change::UpdateBinary(Box::new(waiting))]);
        assert_eq!(ask(store, &once), once.id);
        let asked = binary(store, once.id);
        assert_eq!((asked.max_attempts, asked.attempt), (expected, 1));
    }
    // What has come to its end is asked for as it is asked for now.
    let failed = Binary {
        status: BinaryStatus::Failed,
        retry_at: None,
        max_attempts: None,
        ..binary(store, once.id)
    };
    write(store, vec![Change::UpdateBinary(Box::new(failed))]);
    ask(store, &once);
    assert_eq!(binary(store, once.id).max_attempts, Some(1));
}

pub(crate) fn every_change_does_to_the_row_what_it_does_in_memory<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    for (number, change) in every_step().into_iter().enumerate() {
        let (mut expected, owner) = claimed(store, machine, &format!("tool{number}"));
        write(store, vec![step(expected.id, change.clone(), Some(owner))]);
        change.apply(&mut expected, at(1000));
        assert_eq!(binary(store, expected.id), expected, "{change:?}");
    }
    let mut expected = requested(store, machine, "claimed");
    let change = claim(OwnerId::generate(), None);
    write(store, vec![step(expected.id, change.clone(), None)]);
    change.apply(&mut expected, at(1000));
    assert_eq!(binary(store, expected.id), expected);
}

pub(crate) fn a_claim_needs_a_row_that_is_due_or_a_dead_owner_s<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let us = OwnerId::generate();
    let (taken, them) = claimed(store, machine, "taken");
    for dead in [None, Some(us), Some(OwnerId::generate())] {
        refused(store, step(taken.id, claim(us, dead), None));
    }
    write(store, vec![step(taken.id, claim(us, Some(them)), None)]);
    assert_eq!(binary(store, taken.id).owner, Some(us));

    for (status, retry_at, free) in [
        (BinaryStatus::Queued, at(1000), true),
        (BinaryStatus::Started, at(1000), true),
        (BinaryStatus::Queued, at(1001), false),
        (BinaryStatus::Installed, at(0), false),
        (BinaryStatus::Failed, at(0), false),
    ] {
        let mut row = Binary::request(machine, &format!("{status}{free}"), at(0)).unwrap();
        (row.status, row.retry_at) = (status, Some(retry_at));
        write(store, vec![Change::InsertBinary(Box::new(row.clone()))]);
        let commit = submit(store, vec![step(row.id, claim(us, None), None)]).unwrap();
        assert_eq!(commit.is_applied(), free, "{status} {retry_at:?}");
    }
}

pub(crate) fn of_many_claims_one_wins<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let id = requested(store, machine, "tool").id;
    let won = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let change = step(id, claim(OwnerId::generate(), None), None);
                if submit(store, vec![change]).unwrap().is_applied() {
                    won.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 1);
}

pub(crate) fn only_its_owner_changes_it_while_it_is_not_final<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let stranger = OwnerId::generate();
    let (row, owner) = claimed(store, machine, "tool");
    for change in every_step() {
        refused(store, step(row.id, change, Some(stranger)));
    }
    let failed = BinaryChange::Failed { reasons: reasons() };
    write(store, vec![step(row.id, failed, Some(owner))]);
    for change in every_step() {
        refused(store, step(row.id, change.clone(), None));
        refused(store, step(row.id, change, Some(owner)));
    }
    refused(
        store,
        step(BinaryId::generate(), every_step()[0].clone(), None),
    );
}

pub(crate) fn a_request_is_put_into_the_row_of_its_name<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let (here, there) = (machine(store, "here").id, machine(store, "there").id);
    let mut request = Binary::request(here, "tool", at(900)).unwrap();
    request.binproviders = "pip".to_owned();
    request.max_attempts = Some(1);
    request.min_version = Some("1.0".to_owned());
    assert_eq!(ask(store, &request), request.id, "none is there yet");
    assert_eq!(binary(store, request.id), request);

    let elsewhere = Binary::request(there, "tool", at(900)).unwrap();
    assert_eq!(ask(store, &elsewhere), elsewhere.id);
    let other_case = Binary::request(here, "Tool", at(900)).unwrap();
    assert_eq!(ask(store, &other_case), other_case.id);

    let used = Change::CountUse {
        of: Used::Binary(request.id),
        succeeded: true,
    };
    let installed = BinaryChange::Installed(file());
    write(store, vec![used, step(request.id, installed, None)]);
    let again = Binary::request(here, "tool", at(950)).unwrap();
    assert_eq!(ask(store, &again), request.id);
    let row = binary(store, request.id);
    assert_eq!(row.status, BinaryStatus::Queued);
    assert_eq!((row.retry_at, row.max_attempts), (Some(at(950)), None));
    assert_eq!(
        (row.abspath.as_str(), row.version.as_str()),
        ("/opt/tool", "2.0")
    );
    assert_eq!((row.created_at, row.modified_at), (at(900), at(1000)));
    assert_eq!(row.health.num_uses_succeeded, 1);
}

pub(crate) fn a_request_leaves_what_somebody_is_at_work_on_alone<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let (row, owner) = claimed(store, machine, "tool");
    let again = Binary::request(machine, "tool", at(950)).unwrap();
    assert_eq!(ask(store, &again), row.id);
    assert_eq!(binary(store, row.id), row);

    // Their lease is over.
    let trying = BinaryChange::Trying {
        reasons: vec![],
        lease_until: at(1000),
    };
    write(store, vec![step(row.id, trying, Some(owner))]);
    assert_eq!(ask(store, &again), row.id);
    let row = binary(store, row.id);
    assert_eq!((row.status, row.owner), (BinaryStatus::Queued, None));
}

pub(crate) fn those_that_are_not_final_come_in_the_order_in_which_they_are_due<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let (here, there) = (machine(store, "here").id, machine(store, "there").id);
    let add = |machine, status, retry_at: i64| {
        let name = format!("{status}{retry_at}");
        let mut row = Binary::request(machine, &name, at(0)).unwrap();
        (row.status, row.retry_at) = (status, Some(at(retry_at)));
        write(store, vec![Change::InsertBinary(Box::new(row.clone()))]);
        row
    };
    let third = add(here, BinaryStatus::Queued, 30);
    let first = add(here, BinaryStatus::Queued, 10);
    let second = add(here, BinaryStatus::Started, 20);
    add(here, BinaryStatus::Installed, 5);
    add(here, BinaryStatus::Failed, 6);
    add(there, BinaryStatus::Queued, 7);
    let pending = store.pending_binaries(here).unwrap().complete().unwrap();
    assert_eq!(pending, [first, second, third]);
}

pub(crate) fn is_found_by_name_and_by_path<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let (here, there) = (machine(store, "here").id, machine(store, "there").id);
    let older = new_binary(here, "tool");
    let mut newer = new_binary(here, "tool");
    (newer.modified_at, newer.status) = (at(5), BinaryStatus::Failed);
    newer.version = "2".to_owned();
    let mut elsewhere = new_binary(there, "tool");
    elsewhere.modified_at = at(9);
    for row in [&older, &newer, &elsewhere] {
        write(store, vec![Change::InsertBinary(Box::new(row.clone()))]);
    }
    let by_name = |name| store.binary_by_name(here, name).unwrap();
    assert_eq!(by_name("tool"), Some(newer), "whatever its status");
    assert_eq!(by_name("Tool"), None);
    let at_path = |path| store.valid_binary_at(here, path).unwrap();
    assert_eq!(at_path("/usr/bin/tool"), Some(older));
    assert_eq!(at_path("/usr/bin/TOOL"), None);
    assert_eq!(at_path(""), None);
}

pub(crate) fn rows_of_the_same_file_become_one_when_it_is_installed<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let equal = Binary {
        abspath: file().abspath,
        version: file().version,
        sha256: file().sha256.unwrap(),
        health: hostledger_model::Health {
            num_uses_succeeded: 3,
            num_uses_failed: 1,
        },
        ..new_binary(machine, "tool")
    };
    write(store, vec![Change::InsertBinary(Box::new(equal.clone()))]);
    let used_by = Process {
        binary_id: Some(equal.id),
        ..new_process(machine, 0)
    };
    insert(store, &used_by);
    let (ours, owner) = claimed(store, machine, "tool");
    let installed = || step(ours.id, BinaryChange::Installed(file()), Some(owner));
    refused(
        store,
        step(
            ours.id,
            BinaryChange::Installed(file()),
            Some(OwnerId::generate()),
        ),
    );
    assert!(store.binary(equal.id).unwrap().is_some(), "or all stays");
    write(store, vec![installed()]);
    assert_eq!(store.binary(equal.id).unwrap(), None);
    assert_eq!(row(store, used_by.id).binary_id, Some(ours.id));
    let health = binary(store, ours.id).health;
    assert_eq!((health.num_uses_succeeded, health.num_uses_failed), (3, 1));
}

pub(crate) fn a_deleted_one_leaves_its_processes<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let row_of_it = requested(store, machine, "tool");
    let used_by = Process {
        binary_id: Some(row_of_it.id),
        ..new_process(machine, 0)
    };
    insert(store, &used_by);
    write(store, vec![Change::DeleteBinary(row_of_it.id)]);
    assert_eq!(store.binary(row_of_it.id).unwrap(), None);
    assert_eq!(row(store, used_by.id).binary_id, None);
    refused(store, Change::DeleteBinary(row_of_it.id));
}

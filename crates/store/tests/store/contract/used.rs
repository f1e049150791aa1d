//! Installed binaries as those see them who start processes.

use chrono::TimeDelta;
use hostledger_model::{BinaryStatus, Lease, MachineId, OwnerId, ProcessChange};
use hostledger_store::{BinariesMark, Change, Claim, Store};

use super::Harness;
use super::world::{
    at, change, insert, machine, new_binary, new_process, refused, row, started, write,
};

fn mark(store: &dyn Store, machine: MachineId) -> BinariesMark {
    let claim = Claim {
        machine,
        owner: OwnerId::generate(),
        now: at(1000),
        limit: 1,
        lease: Lease {
            slack: TimeDelta::seconds(30),
            without_timeout: TimeDelta::hours(24),
        },
    };
    store.claim(claim).wait().unwrap().binaries
}

pub(crate) fn a_claim_tells_when_installed_ones_have_come_gone_or_changed<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let [here, there] = ["here", "there"].map(|guid| machine(store, guid).id);
    let mut seen = vec![BinariesMark::default()];
    assert_eq!(mark(store, here), seen[0], "none");
    let mut others = [new_binary(there, "a"), new_binary(here, "wanted")];
    others[1].status = BinaryStatus::Queued;
    for other in others {
        write(store, vec![Change::InsertBinary(Box::new(other))]);
    }
    assert_eq!(mark(store, here), seen[0], "none that is installed here");

    let mut binary = new_binary(here, "a");
    let mut changed = |what: &str, step: Change| {
        write(store, vec![step]);
        let new = mark(store, here);
        assert!(!seen.contains(&new), "{what}");
        assert_eq!(mark(store, here), new);
        seen.push(new);
    };
    changed("come", Change::InsertBinary(Box::new(binary.clone())));
    binary.version = "2".to_owned();
    changed("changed", Change::UpdateBinary(Box::new(binary.clone())));
    let older = new_binary(here, "b");
    changed("more", Change::InsertBinary(Box::new(older.clone())));
    write(store, vec![Change::DeleteBinary(older.id)]);
    assert_eq!(mark(store, here), seen[2], "gone, and all is as it was");
    // Of two writers the later one may commit first.
    let mut earlier = new_binary(here, "c");
    let steps = [
        (40, Change::InsertBinary(Box::new(earlier.clone()))),
        (45, {
            earlier.version = "3".to_owned();
            Change::UpdateBinary(Box::new(earlier.clone()))
        }),
    ];
    for (seconds, step) in steps {
        let before = mark(store, here);
        let commit = store.submit(at(seconds), vec![step]).wait().unwrap();
        assert!(commit.is_applied());
        assert_ne!(mark(store, here), before, "older than the last change");
    }
    write(store, vec![Change::DeleteBinary(earlier.id)]);
    write(store, vec![Change::DeleteBinary(binary.id)]);
    assert_eq!(mark(store, here), BinariesMark::default());
}

pub(crate) fn all_that_are_installed_come_latest_first<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let [here, there] = ["here", "there"].map(|guid| machine(store, guid).id);
    let rows = [(1, "a"), (3, "b"), (2, "a")].map(|(seconds, name)| {
        let mut binary = new_binary(here, name);
        binary.version = seconds.to_string();
        binary.modified_at = at(seconds);
        binary
    });
    let mut others = [
        new_binary(there, "c"),
        new_binary(here, "d"),
        new_binary(here, "e"),
    ];
    others[1].status = BinaryStatus::Failed;
    others[2].abspath.clear();
    for binary in rows.iter().chain(&others) {
        write(store, vec![Change::InsertBinary(Box::new(binary.clone()))]);
    }
    let found = store.valid_binaries(here).unwrap().complete().unwrap();
    let [first, second, third] = rows;
    assert_eq!(found, [second, third, first]);
}

pub(crate) fn which_one_a_process_runs_is_written_while_it_waits<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let binary = new_binary(machine, "tool");
    write(store, vec![Change::InsertBinary(Box::new(binary.clone()))]);
    let (owner, other) = (OwnerId::generate(), OwnerId::generate());
    let mut process = new_process(machine, 0);
    process.owner = Some(owner);
    insert(store, &process);
    let uses = ProcessChange::Uses {
        binary: Some(binary.id),
    };
    refused(store, change(process.id, uses.clone(), Some(other)));
    write(store, vec![change(process.id, uses.clone(), Some(owner))]);
    uses.apply(&mut process, at(1000));
    assert_eq!(row(store, process.id), process);
    let none = ProcessChange::Uses { binary: None };
    write(store, vec![change(process.id, none, Some(owner))]);
    assert_eq!(row(store, process.id).binary_id, None);
    let start = ProcessChange::Started(started(4711));
    write(store, vec![change(process.id, start, Some(owner))]);
    refused(store, change(process.id, uses, Some(owner)));
}

//! What owners say of themselves.

use hostledger_model::{BinaryStatus, MachineId, OwnerId, OwnerPlace, OwnerRecord, ProcessChange};
use hostledger_store::{Change, OwnerChange, Store};

use super::Harness;
use super::world::{at, change, ended, insert, machine, new_binary, new_process, started, write};

pub(crate) fn are_known_until_they_have_gone_with_nothing_left<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let [here, there] = ["here", "there"].map(|guid| machine(store, guid).id);
    let owner = |machine_id, seconds| OwnerRecord {
        id: OwnerId::generate(),
        machine_id,
        place: Some(OwnerPlace {
            data_dir: "/srv/one".into(),
            mark: "0123".to_owned(),
        }),
        started_at: at(seconds),
        seen_at: at(seconds),
    };
    let (mut first, second) = (owner(here, 1), owner(here, 2));
    let elsewhere = OwnerRecord {
        place: None,
        ..owner(there, 3)
    };
    let seen = |it: &OwnerRecord| Change::Owner(OwnerChange::Seen(Box::new(it.clone())));
    write(store, vec![seen(&second), seen(&first), seen(&elsewhere)]);
    assert_eq!(store.owner(elsewhere.id).unwrap(), Some(elsewhere));
    assert_eq!(store.owner(OwnerId::generate()).unwrap(), None);
    first.seen_at = at(9);
    write(store, vec![seen(&first)]);
    let both = [first.clone(), second.clone()];
    assert_eq!(store.owners_of(here).unwrap(), both);

    // What it has not ended keeps its row.
    let mut process = new_process(here, 0);
    (process.owner, process.retry_at) = (Some(first.id), Some(at(99)));
    insert(store, &process);
    let gone = |id| vec![Change::Owner(OwnerChange::Gone { id, machine: here })];
    write(store, gone(first.id));
    write(store, gone(second.id));
    assert_eq!(store.owners_of(here).unwrap(), [first.clone()]);
    let start = ProcessChange::Started(started(7));
    write(store, vec![change(process.id, start, Some(first.id))]);
    write(store, gone(first.id));
    assert_eq!(store.owners_of(here).unwrap(), [first.clone()]);
    let end = ProcessChange::Ended(ended(0));
    write(store, vec![change(process.id, end, Some(first.id))]);
    write(store, gone(first.id));
    assert_eq!(store.owners_of(here).unwrap(), []);
    // Nobody is there to go.
    write(store, gone(first.id));
}

pub(crate) fn go_with_their_machine<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let here = machine(store, "here").id;
    let owner = OwnerRecord {
        id: OwnerId::generate(),
        machine_id: here,
        place: None,
        started_at: at(1),
        seen_at: at(1),
    };
    let seen = Change::Owner(OwnerChange::Seen(Box::new(owner.clone())));
    write(store, vec![seen]);
    write(store, vec![Change::DeleteMachine(here)]);
    assert_eq!(store.owner(owner.id).unwrap(), None);
}

/// What a version left open whose owners had no rows: of each kind that there is, and what is over.
/// Those who have something open.
pub(crate) fn owners_before(store: &dyn Store, machine: MachineId) -> Vec<OwnerId> {
    let owners: Vec<_> = (0..4).map(|_| OwnerId::generate()).collect();
    let taken_on = |owner: OwnerId| {
        let mut process = new_process(machine, 0);
        (process.owner, process.retry_at) = (Some(owner), Some(at(99)));
        insert(store, &process);
        process.id
    };
    taken_on(owners[0]);
    taken_on(owners[1]);
    let running = taken_on(owners[1]);
    let start = |id, owner| change(id, ProcessChange::Started(started(7)), Some(owner));
    write(store, vec![start(running, owners[1])]);
    let mut binary = new_binary(machine, "wget");
    binary.status = BinaryStatus::Started;
    (binary.owner, binary.retry_at) = (Some(owners[2]), Some(at(99)));
    write(store, vec![Change::InsertBinary(Box::new(binary))]);
    let over = taken_on(owners[3]);
    let end = ProcessChange::Ended(ended(0));
    write(
        store,
        vec![start(over, owners[3]), change(over, end, Some(owners[3]))],
    );
    let mut open = owners[..3].to_vec();
    open.sort();
    open
}

/// They have rows, nobody else has, and what they have taken on is still theirs.
#[track_caller]
pub(crate) fn assert_owners(store: &dyn Store, machine: MachineId, expected: &[OwnerId]) {
    let rows = store.owners_of(machine).unwrap();
    assert!(rows.iter().all(|row| row.place.is_none()), "{rows:?}");
    let mut owners: Vec<_> = rows.iter().map(|row| row.id).collect();
    owners.sort();
    assert_eq!(owners, expected);
    let counts = expected
        .iter()
        .map(|owner| store.owned(machine, *owner).unwrap().records.len());
    assert_eq!(counts.sum::<usize>(), 3);
}

//! Network interfaces.

use hostledger_model::{Health, InterfaceId, MachineId, NetworkInterface};
use hostledger_store::{Change, Commit, StoreError, Used};

use super::Harness;
use super::world::{at, machine, new_interface, submit, write};

pub(crate) fn reads_back_as_written<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let interface = new_interface(machine.id, "10.0.0.2");
    write(
        store,
        vec![Change::InsertInterface(Box::new(interface.clone()))],
    );
    assert_eq!(store.interface(interface.id).unwrap(), Some(interface));
    assert_eq!(store.interface(InterfaceId::generate()).unwrap(), None);
}

pub(crate) fn saving_the_same_fingerprint_updates_its_row<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let first = new_interface(machine.id, "10.0.0.2");
    let mut again = new_interface(machine.id, "10.0.0.2");
    again.facts.hostname = "renamed".to_owned();
    assert_ne!(again.id, first.id);

    let save = |interface: &NetworkInterface| {
        submit(
            store,
            vec![Change::SaveInterface(Box::new(interface.clone()))],
        )
        .unwrap()
    };
    assert_eq!(save(&first), Commit::Applied(vec![first.id.into()]));
    write(
        store,
        vec![Change::CountUse {
            of: Used::Interface(first.id),
            succeeded: false,
        }],
    );
    assert_eq!(save(&again), Commit::Applied(vec![first.id.into()]));

    let expected = NetworkInterface {
        facts: again.facts,
        modified_at: at(1000),
        health: Health {
            num_uses_succeeded: 0,
            num_uses_failed: 1,
        },
        ..first
    };
    let all = store.interfaces_of(machine.id).unwrap().complete().unwrap();
    assert_eq!(all, [expected]);
}

pub(crate) fn a_changed_fingerprint_is_a_new_row<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let first = new_interface(machine.id, "10.0.0.2");
    let moved = new_interface(machine.id, "10.0.0.3");
    for interface in [&first, &moved] {
        write(
            store,
            vec![Change::SaveInterface(Box::new(interface.clone()))],
        );
    }
    assert_eq!(store.interface(first.id).unwrap(), Some(first));
    assert_eq!(store.interface(moved.id).unwrap(), Some(moved));
}

pub(crate) fn is_found_by_fingerprint_on_its_machine_only<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let here = machine(store, "here");
    let there = machine(store, "there");
    let interface = new_interface(here.id, "10.0.0.2");
    write(
        store,
        vec![Change::InsertInterface(Box::new(interface.clone()))],
    );
    let mut facts = interface.facts.clone();
    facts.hostname = "no part of it".to_owned();
    let find = |machine| store.interface_by_fingerprint(machine, &facts).unwrap();
    assert_eq!(find(here.id), Some(interface.clone()));
    assert_eq!(find(there.id), None);
    let other = new_interface(here.id, "10.0.0.9").facts;
    assert_eq!(
        store.interface_by_fingerprint(here.id, &other).unwrap(),
        None
    );
}

pub(crate) fn of_a_machine_come_oldest_first<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let here = machine(store, "here");
    let there = machine(store, "there");
    let mut interfaces = Vec::new();
    for (age, ip) in [(3, "10.0.0.3"), (1, "10.0.0.1"), (2, "10.0.0.2")] {
        let mut interface = new_interface(here.id, ip);
        interface.created_at = at(age);
        interfaces.push(interface);
    }
    interfaces.push(new_interface(there.id, "10.0.0.1"));
    for interface in &interfaces {
        write(
            store,
            vec![Change::InsertInterface(Box::new(interface.clone()))],
        );
    }
    let of_here = store.interfaces_of(here.id).unwrap().complete().unwrap();
    let ips: Vec<_> = of_here
        .iter()
        .map(|it| it.facts.ip_local.as_str())
        .collect();
    assert_eq!(ips, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
}

pub(crate) fn of_a_machine_that_is_not_there_is_an_error<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let interface = new_interface(MachineId::generate(), "10.0.0.2");
    let id = interface.id;
    let error = submit(store, vec![Change::SaveInterface(Box::new(interface))]).unwrap_err();
    assert!(
        matches!(&error, StoreError::DanglingReference { record } if *record == id.into()),
        "{error:?}"
    );
    assert_eq!(store.interface(id).unwrap(), None);
}

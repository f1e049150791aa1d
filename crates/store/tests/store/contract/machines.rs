//! Machines.

use hostledger_model::{Health, Machine, MachineFacts, MachineId};
use hostledger_store::{Change, StoreError, Used};
use serde_json::{Value, json};

use super::Harness;
use super::world::{at, machine, new_machine, refused, submit, write};

pub(crate) fn reads_back_as_written<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let mut without = new_machine("without");
    without.config = None;
    without.facts.stats = None;
    let mut odd = new_machine("odd");
    odd.config = Some(Value::Null);
    odd.health = Health {
        num_uses_succeeded: 7,
        num_uses_failed: u64::from(u32::MAX),
    };
    for machine in [new_machine("plain"), without, odd] {
        write(
            store,
            vec![Change::InsertMachine(Box::new(machine.clone()))],
        );
        assert_eq!(store.machine(machine.id).unwrap(), Some(machine));
    }
}

pub(crate) fn is_found_by_guid<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let first = machine(store, "first");
    machine(store, "second");
    assert_eq!(store.machine_by_guid("first").unwrap(), Some(first));
    assert_eq!(store.machine_by_guid("FIRST").unwrap(), None);
    assert_eq!(store.machine(MachineId::generate()).unwrap(), None);
}

pub(crate) fn saving_facts_leaves_the_rest_alone<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let facts = MachineFacts {
        guid: "guid".to_owned(),
        hostname: "renamed".to_owned(),
        ..MachineFacts::default()
    };
    write(
        store,
        vec![Change::SaveMachineFacts {
            id: machine.id,
            facts: Box::new(facts.clone()),
        }],
    );
    let expected = Machine {
        facts,
        modified_at: at(1000),
        ..machine
    };
    assert_eq!(store.machine(expected.id).unwrap(), Some(expected));
}

pub(crate) fn saving_facts_of_a_machine_that_is_gone_is_refused<H: Harness>() {
    let harness = H::fresh();
    let gone = new_machine("gone");
    refused(
        harness.store(),
        Change::SaveMachineFacts {
            id: gone.id,
            facts: Box::new(gone.facts),
        },
    );
}

pub(crate) fn config_is_saved_over_what_was_read_only<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let object = |value: Value| value.as_object().unwrap().clone();
    let save = |read: Option<Value>, config: Value| Change::SaveMachineConfig {
        id: machine.id,
        read,
        config: object(config),
    };
    write(store, vec![save(Some(json!({})), json!({"A_BINARY": "a"}))]);
    refused(store, save(Some(json!({})), json!({"B_BINARY": "b"})));
    refused(store, save(None, json!({"B_BINARY": "b"})));
    let saved = store.machine(machine.id).unwrap().unwrap();
    assert_eq!(saved.config, Some(json!({"A_BINARY": "a"})));
    assert_eq!(saved.modified_at, at(1000));
    assert_eq!(saved.facts, machine.facts);

    write(store, vec![Change::DeleteMachine(machine.id)]);
    refused(store, save(saved.config, json!({})));
}

pub(crate) fn the_same_id_or_guid_again_is_an_error<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let there = machine(store, "guid");
    let same_id = Machine {
        id: there.id,
        ..new_machine("other")
    };
    let same_guid = new_machine("guid");
    for machine in [same_id, same_guid] {
        let id = machine.id;
        let error = submit(store, vec![Change::InsertMachine(Box::new(machine))]).unwrap_err();
        assert!(
            matches!(&error, StoreError::Duplicate { record, .. } if *record == id.into()),
            "{error:?}"
        );
    }
    assert_eq!(store.machine(there.id).unwrap(), Some(there));
    assert_eq!(store.machine_by_guid("other").unwrap(), None);
}

pub(crate) fn uses_are_counted<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let count = |succeeded| Change::CountUse {
        of: Used::Machine(machine.id),
        succeeded,
    };
    write(store, vec![count(true), count(false), count(true)]);
    write(store, vec![count(true)]);
    let counted = store.machine(machine.id).unwrap().unwrap();
    let expected = Machine {
        health: Health {
            num_uses_succeeded: 3,
            num_uses_failed: 1,
        },
        ..machine
    };
    assert_eq!(counted, expected, "the time of modification stays");

    let gone = Used::Machine(MachineId::generate());
    write(
        store,
        vec![Change::CountUse {
            of: gone,
            succeeded: true,
        }],
    );
}

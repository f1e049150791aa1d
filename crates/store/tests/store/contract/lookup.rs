//! Finding records by the beginning of their id.

use hostledger_model::{BinaryId, InterfaceId, MachineId, ProcessId};
use hostledger_store::{Change, Found, RecordId, Store};

use super::Harness;
use super::world::{new_binary, new_interface, new_machine, new_process, write};

/// One record of each kind, whose ids begin with these digits.
fn records(store: &dyn Store, digits: [&str; 4]) -> [RecordId; 4] {
    let id = |digits: &str| format!("{digits:0<32}");
    let machine_id: MachineId = id(digits[0]).parse().unwrap();
    let interface_id: InterfaceId = id(digits[1]).parse().unwrap();
    let binary_id: BinaryId = id(digits[2]).parse().unwrap();
    let process_id: ProcessId = id(digits[3]).parse().unwrap();
    let mut machine = new_machine("guid");
    machine.id = machine_id;
    let mut interface = new_interface(machine_id, "10.0.0.2");
    interface.id = interface_id;
    let mut binary = new_binary(machine_id, "sleep");
    binary.id = binary_id;
    let mut process = new_process(machine_id, 0);
    process.id = process_id;
    write(
        store,
        vec![
            Change::InsertMachine(Box::new(machine)),
            Change::InsertInterface(Box::new(interface)),
            Change::InsertBinary(Box::new(binary)),
            Change::InsertProcess(Box::new(process)),
        ],
    );
    [
        machine_id.into(),
        interface_id.into(),
        binary_id.into(),
        process_id.into(),
    ]
}

fn find(store: &dyn Store, prefix: &str) -> Found {
    store.find(&prefix.parse().unwrap()).unwrap()
}

pub(crate) fn a_unique_prefix_finds_any_kind_of_record<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let digits = ["0a1", "0a2", "ffa", "fff"];
    let records = records(store, digits);
    for (digits, record) in digits.into_iter().zip(records) {
        assert_eq!(find(store, digits), Found::One(record));
        assert_eq!(find(store, &digits.to_uppercase()), Found::One(record));
        assert_eq!(find(store, &record.uuid().to_string()), Found::One(record));
    }
    assert_eq!(find(store, "0a3"), Found::Nothing);
    assert_eq!(find(store, "0a11"), Found::Nothing);
}

pub(crate) fn an_ambiguous_prefix_names_candidates_of_all_kinds<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let records = records(store, ["0a1", "0a2", "0b", "0a1f"]);
    let Found::Several(mut candidates) = find(store, "0a") else {
        panic!("several records begin so");
    };
    candidates.sort_by_key(|record| record.uuid());
    assert_eq!(candidates, [records[0], records[3], records[1]]);
    assert!(matches!(find(store, "0a1"), Found::Several(_)));
}

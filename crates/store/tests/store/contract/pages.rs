//! All records of a kind, page by page.

use hostledger_store::{Change, Records};

use super::Harness;
use super::world::{
    at, insert, machine, new_binary, new_interface, new_machine, new_process, write,
};

pub(crate) fn every_record_comes_once_in_order<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    // More than one page, many of them made at the same moment.
    let mut processes: Vec<_> = (0..700)
        .map(|number| new_process(machine.id, number / 300))
        .collect();
    let changes = processes
        .iter()
        .rev()
        .map(|process| Change::InsertProcess(Box::new(process.clone())));
    write(store, changes.collect());
    processes.sort_by_key(|process| (process.created_at, process.id));
    let read: Vec<_> = Records::processes(store).map(Result::unwrap).collect();
    assert_eq!(read, processes);

    let mut interfaces: Vec<_> = (0..3)
        .map(|number| new_interface(machine.id, &format!("10.0.0.{number}")))
        .collect();
    let mut binaries: Vec<_> = (0..3)
        .map(|number| new_binary(machine.id, &number.to_string()))
        .collect();
    let changes = interfaces
        .iter()
        .map(|it| Change::InsertInterface(Box::new(it.clone())))
        .chain(
            binaries
                .iter()
                .map(|it| Change::InsertBinary(Box::new(it.clone()))),
        );
    write(store, changes.collect());
    interfaces.sort_by_key(|it| (it.created_at, it.id));
    binaries.sort_by_key(|it| (it.created_at, it.id));
    let read: Vec<_> = Records::interfaces(store).map(Result::unwrap).collect();
    assert_eq!(read, interfaces);
    let read: Vec<_> = Records::binaries(store).map(Result::unwrap).collect();
    assert_eq!(read, binaries);
    let read: Vec<_> = Records::machines(store).map(Result::unwrap).collect();
    assert_eq!(read, [machine]);
}

pub(crate) fn pages_end_with_the_table<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let empty = store.machine_page(None, 2).unwrap();
    assert!(empty.rows.records.is_empty() && empty.next.is_none());

    for number in 0..4 {
        let mut machine = new_machine(&number.to_string());
        machine.created_at = at(number);
        write(store, vec![Change::InsertMachine(Box::new(machine))]);
    }
    let mut after = None;
    let mut guids = Vec::new();
    for _ in 0..2 {
        let page = store.machine_page(after.as_ref(), 2).unwrap();
        guids.extend(page.rows.records.into_iter().map(|it| it.facts.guid));
        after = page.next;
    }
    assert_eq!(guids, ["0", "1", "2", "3"]);
    let last = store.machine_page(after.as_ref(), 2).unwrap();
    assert!(last.rows.records.is_empty() && last.next.is_none());
}

pub(crate) fn records_added_meanwhile_disturb_nothing<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let there: Vec<_> = (10..16)
        .map(|seconds| new_process(machine.id, seconds))
        .collect();
    for process in &there {
        insert(store, process);
    }
    let first = store.process_page(None, 3).unwrap();
    insert(store, &new_process(machine.id, 1));
    let rest = store.process_page(first.next.as_ref(), 3).unwrap();
    let mut read = first.rows.records;
    read.extend(rest.rows.records);
    assert_eq!(read, there);
}

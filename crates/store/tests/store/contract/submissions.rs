//! The writer: what is written together, and what is not.

use hostledger_model::{Process, ProcessId};
use hostledger_store::{Access, Change, Commit, StoreError, Ticket, Used};

use super::Harness;
use super::world::{at, insert, machine, new_machine, new_process, submit, write};

pub(crate) fn of_nothing_is_applied_and_a_fresh_ledger_is_sound<H: Harness>() {
    let harness = H::fresh();
    let commit = submit(harness.store(), Vec::new()).unwrap();
    assert_eq!(commit, Commit::Applied(Vec::new()));
    assert_eq!(harness.store().access(), Access::Own);
    assert_eq!(harness.store().check().unwrap(), Vec::<String>::new());
}

pub(crate) fn are_written_all_or_nothing_when_refused<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let process = new_process(machine.id, 0);
    let changes = vec![
        Change::InsertProcess(Box::new(process.clone())),
        Change::CountUse {
            of: Used::Machine(machine.id),
            succeeded: true,
        },
        Change::DeleteProcess(ProcessId::generate()),
        Change::DeleteMachine(machine.id),
    ];
    let commit = submit(store, changes).unwrap();
    assert_eq!(commit, Commit::Refused { change: 2 });
    assert_eq!(store.process(process.id).unwrap(), None);
    assert_eq!(store.machine(machine.id).unwrap(), Some(machine));
}

pub(crate) fn are_written_all_or_nothing_when_they_fail<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let process = new_process(machine.id, 0);
    let changes = vec![
        Change::InsertProcess(Box::new(process.clone())),
        Change::InsertMachine(Box::new(machine)),
    ];
    let error = submit(store, changes).unwrap_err();
    assert!(matches!(error, StoreError::Duplicate { .. }), "{error:?}");
    assert_eq!(store.process(process.id).unwrap(), None);
    insert(store, &process);
}

pub(crate) fn one_that_fails_spares_those_beside_it<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let processes: Vec<_> = (0..300)
        .map(|seconds| new_process(machine.id, seconds))
        .collect();
    // Faster than they can be committed one by one, so that they come into batches.
    let tickets: Vec<(bool, Ticket)> = processes
        .iter()
        .enumerate()
        .map(|(number, process)| {
            let bad = number % 10 == 3;
            let mut changes = vec![Change::InsertProcess(Box::new(process.clone()))];
            if bad {
                changes.push(Change::InsertMachine(Box::new(machine.clone())));
            }
            (bad, store.submit(at(0), changes))
        })
        .collect();
    for ((bad, ticket), process) in tickets.into_iter().zip(&processes) {
        assert_eq!(ticket.wait().is_err(), bad);
        assert_eq!(store.process(process.id).unwrap().is_none(), bad);
    }
}

pub(crate) fn are_written_in_order<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = new_machine("guid");
    let process = new_process(machine.id, 0);
    let tickets = [
        store.submit(
            at(0),
            vec![Change::InsertMachine(Box::new(machine.clone()))],
        ),
        store.submit(at(0), vec![Change::InsertProcess(Box::new(process))]),
        store.submit(at(0), vec![Change::DeleteMachine(machine.id)]),
        store.submit(at(0), vec![Change::InsertMachine(Box::new(machine))]),
    ];
    for ticket in tickets {
        assert!(ticket.wait().unwrap().is_applied());
    }
}

pub(crate) fn many_processes_are_inserted_at_once_or_none_of_them<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let insert =
        |processes: &[Process]| submit(store, vec![Change::InsertProcesses(processes.into())]);
    let none = insert(&[]).unwrap();
    assert_eq!(none, Commit::Applied(Vec::new()));

    let processes: Vec<_> = (0..1500).map(|at| new_process(machine.id, at)).collect();
    let ids = processes.iter().map(|process| process.id.into()).collect();
    assert_eq!(insert(&processes).unwrap(), Commit::Applied(ids));
    for process in processes.iter().step_by(499) {
        assert_eq!(store.process(process.id).unwrap().as_ref(), Some(process));
    }

    let fresh = new_process(machine.id, 0);
    let known = &processes[7];
    let error = insert(&[fresh.clone(), known.clone()]).unwrap_err();
    assert!(
        matches!(error, StoreError::Duplicate { record, .. } if record == known.id.into()),
        "{error:?}"
    );
    assert_eq!(store.process(fresh.id).unwrap(), None);
}

pub(crate) fn what_was_submitted_is_written_before_the_store_closes<H: Harness>() {
    let harness = H::fresh();
    let machine = machine(harness.store(), "guid");
    let processes: Vec<_> = (0..500)
        .map(|seconds| new_process(machine.id, seconds))
        .collect();
    for process in &processes {
        let changes = vec![Change::InsertProcess(Box::new(process.clone()))];
        // Nobody waits for these.
        drop(harness.store().submit(at(0), changes));
    }
    let harness = harness.reopen();
    for process in &processes {
        let read = harness.store().process(process.id).unwrap();
        assert_eq!(read.as_ref(), Some(process));
    }
}

pub(crate) fn many_threads_count_without_losing_any<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for _ in 0..50 {
                    let count = Change::CountUse {
                        of: Used::Machine(machine),
                        succeeded: thread % 2 == 0,
                    };
                    write(store, vec![count]);
                }
            });
        }
    });
    let health = store.machine(machine).unwrap().unwrap().health;
    assert_eq!(
        (health.num_uses_succeeded, health.num_uses_failed),
        (200, 200)
    );
}

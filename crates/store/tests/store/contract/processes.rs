//! Processes: what is written and what is found.

use hostledger_model::{
    BinaryId, KillMode, LaunchAttributes, Machine, Pid, Process, ProcessId, ProcessStatus,
    ProcessType, SecretBatchId,
};
use hostledger_store::{Change, ProcessFilter, Store, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::Harness;
use super::strategies::{References, process};
use super::world::{
    at, insert, machine, new_binary, new_interface, new_process, row, submit, write,
};

pub(crate) fn any_record_reads_back_as_written<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let interface = new_interface(machine.id, "10.0.0.2");
    let binary = new_binary(machine.id, "sleep");
    let parent = new_process(machine.id, 0);
    let references = References {
        machine: machine.id,
        interface: interface.id,
        binary: binary.id,
        parent: parent.id,
    };
    write(
        store,
        vec![
            Change::InsertInterface(Box::new(interface)),
            Change::InsertBinary(Box::new(binary)),
            Change::InsertProcess(Box::new(parent)),
        ],
    );
    // Each case is a commit; nothing is to be kept of a failure but its report.
    let config = Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&process(references), |process| {
        insert(store, &process);
        let read = store.process(process.id).unwrap();
        prop_assert_eq!(read, Some(process));
        Ok(())
    });
    outcome.unwrap();
}

pub(crate) fn an_unknown_one_is_none<H: Harness>() {
    let harness = H::fresh();
    assert_eq!(
        harness.store().process(ProcessId::generate()).unwrap(),
        None
    );
}

pub(crate) fn naming_a_record_that_is_not_there_is_an_error<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let dangling = |change: &dyn Fn(&mut Process)| {
        let mut process = new_process(machine.id, 0);
        change(&mut process);
        let id = process.id;
        let error = submit(store, vec![Change::InsertProcess(Box::new(process))]).unwrap_err();
        assert!(
            matches!(&error, StoreError::DanglingReference { record } if *record == id.into()),
            "{error:?}"
        );
        assert_eq!(store.process(id).unwrap(), None);
    };
    dangling(&|it| it.machine_id = hostledger_model::MachineId::generate());
    dangling(&|it| it.parent_id = Some(ProcessId::generate()));
    dangling(&|it| it.binary_id = Some(BinaryId::generate()));
    dangling(&|it| it.interface_id = Some(hostledger_model::InterfaceId::generate()));

    let there = new_process(machine.id, 0);
    insert(store, &there);
    let again = Process {
        pwd: "/elsewhere".to_owned(),
        ..there.clone()
    };
    let error = submit(store, vec![Change::InsertProcess(Box::new(again))]).unwrap_err();
    assert!(matches!(error, StoreError::Duplicate { .. }), "{error:?}");
    assert_eq!(row(store, there.id), there);
}

fn listed(store: &dyn Store, filter: &ProcessFilter) -> Vec<ProcessId> {
    let rows = store.processes(filter).unwrap().complete().unwrap();
    rows.iter().map(|process| process.id).collect()
}

/// Processes of both machines, every status and type, in the order of their making.
fn assortment(store: &dyn Store) -> (Machine, Vec<Process>) {
    let here = machine(store, "here");
    let there = machine(store, "there");
    let mut made = Vec::new();
    for machine in [here.id, there.id] {
        for status in ProcessStatus::ALL {
            for process_type in ProcessType::ALL {
                let seconds = i64::try_from(made.len()).unwrap();
                let mut process = new_process(machine, seconds);
                process.status = *status;
                process.process_type = *process_type;
                if *process_type == ProcessType::Worker {
                    process.worker_type = "crawl".to_owned();
                }
                made.push(process);
            }
        }
    }
    // Not in the order in which they are to come back.
    for process in made.iter().rev() {
        insert(store, process);
    }
    (here, made)
}

pub(crate) fn are_listed_by_what_is_asked<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let (here, made) = assortment(store);
    let mut filters = vec![ProcessFilter::default()];
    for status in ProcessStatus::ALL {
        filters.push(ProcessFilter {
            status: Some(*status),
            ..ProcessFilter::default()
        });
        for process_type in ProcessType::ALL {
            for since in [None, Some(at(15))] {
                for machine_id in [None, Some(here.id)] {
                    filters.push(ProcessFilter {
                        status: Some(*status),
                        process_type: Some(*process_type),
                        machine_id,
                        since,
                        ..ProcessFilter::default()
                    });
                    filters.push(ProcessFilter {
                        process_type: Some(*process_type),
                        machine_id,
                        since,
                        ..ProcessFilter::default()
                    });
                }
            }
        }
    }
    for worker_type in ["crawl", "", "other"] {
        filters.push(ProcessFilter {
            worker_type: Some(worker_type.to_owned()),
            ..ProcessFilter::default()
        });
    }
    for filter in filters {
        let fits = |process: &&Process| {
            filter.status.is_none_or(|it| it == process.status)
                && filter
                    .process_type
                    .is_none_or(|it| it == process.process_type)
                && filter.machine_id.is_none_or(|it| it == process.machine_id)
                && filter.since.is_none_or(|it| it <= process.created_at)
                && filter
                    .worker_type
                    .iter()
                    .all(|it| *it == process.worker_type)
        };
        let expected: Vec<_> = made.iter().filter(fits).map(|process| process.id).collect();
        assert_eq!(listed(store, &filter), expected, "{filter:?}");
    }
}

pub(crate) fn a_limit_keeps_the_newest_oldest_first<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let (_, made) = assortment(store);
    for status in [
        None,
        Some(ProcessStatus::Running),
        Some(ProcessStatus::Exited),
    ] {
        let fitting: Vec<_> = made
            .iter()
            .filter(|process| status.is_none_or(|it| it == process.status))
            .map(|process| process.id)
            .collect();
        for limit in [0, 1, 3, 1000] {
            let filter = ProcessFilter {
                status,
                limit: Some(limit),
                ..ProcessFilter::default()
            };
            let skipped = fitting.len().saturating_sub(limit as usize);
            assert_eq!(listed(store, &filter), fitting[skipped..], "{filter:?}");
        }
    }
}

pub(crate) fn running_ones_are_found_by_pid_and_machine<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let here = machine(store, "here");
    let there = machine(store, "there");
    let pid = Pid::new(4711).unwrap();
    let with_pid = |machine, status, seconds| {
        let mut process = new_process(machine, seconds);
        process.pid = Some(pid);
        process.status = status;
        insert(store, &process);
        process.id
    };
    let later = with_pid(here.id, ProcessStatus::Running, 2);
    let earlier = with_pid(here.id, ProcessStatus::Running, 1);
    with_pid(here.id, ProcessStatus::Exited, 3);
    with_pid(there.id, ProcessStatus::Running, 4);
    let found = store
        .running_by_pid(here.id, pid)
        .unwrap()
        .complete()
        .unwrap();
    let found: Vec<_> = found.iter().map(|process| process.id).collect();
    assert_eq!(found, [earlier, later]);
    let nobody = store.running_by_pid(here.id, Pid::new(1).unwrap()).unwrap();
    assert!(nobody.records.is_empty());
}

pub(crate) fn children_come_for_many_parents_at_once<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let child_of = |parent: Option<ProcessId>, seconds| {
        let mut process = new_process(machine.id, seconds);
        process.parent_id = parent;
        insert(store, &process);
        process.id
    };
    let first = child_of(None, 0);
    let second = child_of(None, 1);
    let late = child_of(Some(first), 9);
    let early = child_of(Some(second), 3);
    let middle = child_of(Some(first), 5);
    child_of(Some(early), 6);

    let children = |parents: &[ProcessId]| -> Vec<ProcessId> {
        let rows = store.children(parents).unwrap().complete().unwrap();
        rows.iter().map(|process| process.id).collect()
    };
    assert_eq!(children(&[first, second]), [early, middle, late]);
    assert_eq!(children(&[second]), [early]);
    assert_eq!(children(&[late]), []);
    assert_eq!(children(&[]), []);
    let many: Vec<_> = (0..40_000)
        .map(|_| ProcessId::generate())
        .chain([second])
        .collect();
    assert_eq!(children(&many), [early], "more than fit into a statement");
}

pub(crate) fn one_that_is_only_queued_reads_back_with_all_that_was_asked<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let (interface, binary) = (
        new_interface(machine, "10.0.0.2"),
        new_binary(machine, "sleep"),
    );
    let parent = new_process(machine, 0);
    let asked = Process {
        parent_id: Some(parent.id),
        interface_id: Some(interface.id),
        binary_id: Some(binary.id),
        process_type: ProcessType::Hook,
        worker_type: "w\u{e4}".to_owned(),
        raw_pwd: Some(b"/\xff".to_vec()),
        raw_cmd: Some(vec![b"\xfe".to_vec(), Vec::new()]),
        env: json!({"A": [1, "\u{e4}"], "KEY": null})
            .as_object()
            .unwrap()
            .clone(),
        secret_env: vec!["KEY".to_owned()],
        secret_batch: Some(SecretBatchId::generate()),
        timeout: 2,
        timeout_ms: Some(1500),
        launch: LaunchAttributes {
            nice: Some(3),
            ..LaunchAttributes::default()
        },
        url: Some("ws://x".to_owned()),
        name: Some("n".to_owned()),
        kill_mode: KillMode::Group,
        detached: true,
        max_attempts: u32::MAX,
        retry_lost: true,
        restart_of: Some(ProcessId::generate()),
        retry_at: None,
        modified_at: at(7),
        ..new_process(machine, 3)
    };
    write(
        store,
        vec![
            Change::InsertInterface(Box::new(interface)),
            Change::InsertBinary(Box::new(binary)),
            Change::InsertProcesses([parent, asked.clone()].into()),
        ],
    );
    assert_eq!(row(store, asked.id), asked);
}

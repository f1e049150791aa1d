//! What housekeeping asks: who runs, who is taken on, who stems from whom.

use std::collections::HashSet;
use std::sync::Mutex;

use hostledger_model::{
    Machine, MachineId, OwnerId, Process, ProcessId, ProcessStatus, ProcessType, SecretBatchId,
};
use hostledger_store::{Change, Descendant, ProcessFilter, Store};

use super::Harness;
use super::world::{at, insert, machine, new_machine, new_process, write};

/// A process in the ledger, as `change` makes it.
fn process(
    store: &dyn Store,
    machine: MachineId,
    seconds: i64,
    change: impl FnOnce(&mut Process),
) -> ProcessId {
    let mut process = new_process(machine, seconds);
    change(&mut process);
    insert(store, &process);
    process.id
}

fn ids(store: &dyn Store, filter: &ProcessFilter) -> Vec<ProcessId> {
    let ids = store.process_ids(filter).unwrap().complete().unwrap();
    let listed = store.processes(filter).unwrap().complete().unwrap();
    let listed: Vec<_> = listed.iter().map(|process| process.id).collect();
    assert_eq!(ids, listed, "the same in the same order");
    assert_eq!(store.process_count(filter).unwrap(), ids.len() as u64);
    ids
}

pub(crate) fn running_ones_are_named_and_counted_by_machine_and_type<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let [here, there] = ["here", "there"].map(|guid| machine(store, guid).id);
    let running = |machine, process_type, seconds| {
        process(store, machine, seconds, |it| {
            it.status = ProcessStatus::Running;
            it.process_type = process_type;
        })
    };
    let late = running(here, ProcessType::Worker, 9);
    let early = running(here, ProcessType::Worker, 1);
    let hook = running(here, ProcessType::Hook, 5);
    running(there, ProcessType::Worker, 2);
    process(store, here, 3, |it| it.process_type = ProcessType::Worker);

    let on_this_machine = ProcessFilter {
        machine_id: Some(here),
        ..ProcessFilter::running()
    };
    assert_eq!(ids(store, &on_this_machine), [early, hook, late]);
    let workers = ProcessFilter {
        process_type: Some(ProcessType::Worker),
        ..on_this_machine.clone()
    };
    assert_eq!(ids(store, &workers), [early, late]);
    let newest = ProcessFilter {
        limit: Some(2),
        ..on_this_machine
    };
    assert_eq!(ids(store, &newest), [hook, late]);
}

pub(crate) fn are_found_by_parent_and_by_name<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let parent = process(store, machine, 0, |it| it.name = Some("build".to_owned()));
    let child = |seconds, name: Option<&str>| {
        process(store, machine, seconds, |it| {
            it.parent_id = Some(parent);
            it.name = name.map(str::to_owned);
        })
    };
    let second = child(2, Some("build"));
    let first = child(1, None);
    let of_parent = ProcessFilter {
        parent_id: Some(parent),
        ..ProcessFilter::default()
    };
    assert_eq!(ids(store, &of_parent), [first, second]);
    let limited = ProcessFilter {
        limit: Some(1),
        ..of_parent
    };
    assert_eq!(ids(store, &limited), [second]);
    let named = ProcessFilter {
        name: Some("build".to_owned()),
        ..ProcessFilter::default()
    };
    assert_eq!(ids(store, &named), [parent, second]);
}

pub(crate) fn many_are_read_by_their_ids<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let [late, early] = [7, 3].map(|seconds| process(store, machine, seconds, |_| ()));
    let unknown = (0..40_000).map(|_| ProcessId::generate());
    let asked: Vec<_> = [late].into_iter().chain(unknown).chain([early]).collect();
    let read = store.processes_by_id(&asked).unwrap().complete().unwrap();
    let read: Vec<_> = read.iter().map(|process| process.id).collect();
    assert_eq!(read, [early, late], "more than fit into a statement");
    assert!(store.processes_by_id(&[]).unwrap().records.is_empty());
}

pub(crate) fn those_taken_on_are_queued_owned_and_under_a_lease<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let [here, there] = ["here", "there"].map(|guid| machine(store, guid).id);
    let queued = |machine, seconds, owned: bool, lease| {
        process(store, machine, seconds, |it| {
            it.owner = owned.then(OwnerId::generate);
            it.retry_at = Some(at(lease));
        })
    };
    let second = queued(here, 2, true, 1001);
    let first = queued(here, 1, true, 5000);
    queued(here, 0, true, 1000);
    queued(here, 0, false, 5000);
    queued(there, 0, true, 5000);
    process(store, here, 0, |it| {
        it.status = ProcessStatus::Running;
        it.owner = Some(OwnerId::generate());
        it.retry_at = Some(at(5000));
    });
    let claimed = store.claimed(here, at(1000)).unwrap().complete().unwrap();
    let claimed: Vec<_> = claimed.iter().map(|process| process.id).collect();
    assert_eq!(claimed, [first, second]);
}

pub(crate) fn secrets_are_needed_until_the_last_of_their_batch_has_ended<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid").id;
    let batch = SecretBatchId::generate();
    let with = |status| {
        process(store, machine, 0, |it| {
            it.status = status;
            it.secret_batch = Some(batch);
        })
    };
    assert!(!store.needs_secrets(batch).unwrap());
    with(ProcessStatus::Exited);
    assert!(!store.needs_secrets(batch).unwrap());
    for status in [ProcessStatus::Queued, ProcessStatus::Running] {
        let waiting = with(status);
        assert!(store.needs_secrets(batch).unwrap(), "{status}");
        assert!(!store.needs_secrets(SecretBatchId::generate()).unwrap());
        write(store, vec![Change::DeleteProcess(waiting)]);
    }
    assert!(!store.needs_secrets(batch).unwrap());
}

/// `root` ← `a` ← `b`, `root` ← `c`, and one that belongs to nobody.
struct Family {
    root: ProcessId,
    a: ProcessId,
    b: ProcessId,
    c: ProcessId,
    alone: ProcessId,
}

fn family(store: &dyn Store, machine: &Machine) -> Family {
    let child = |parent, seconds, status| {
        process(store, machine.id, seconds, |it| {
            it.parent_id = parent;
            it.status = status;
        })
    };
    let root = child(None, 0, ProcessStatus::Running);
    // Older than its elder: the order is by level first.
    let c = child(Some(root), 5, ProcessStatus::Running);
    let a = child(Some(root), 3, ProcessStatus::Exited);
    let b = child(Some(a), 1, ProcessStatus::Running);
    let alone = child(None, 2, ProcessStatus::Running);
    Family {
        root,
        a,
        b,
        c,
        alone,
    }
}

fn below(
    store: &dyn Store,
    process: ProcessId,
    status: Option<ProcessStatus>,
) -> Vec<(ProcessId, usize)> {
    let rows = store.descendants(process, status).unwrap();
    let rows = rows.complete().unwrap();
    rows.iter()
        .map(|Descendant { id, depth }| (*id, *depth))
        .collect()
}

pub(crate) fn descendants_come_level_by_level_through_those_that_have_ended<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let Family {
        root,
        a,
        b,
        c,
        alone,
    } = family(store, &machine);
    assert_eq!(below(store, root, None), [(a, 1), (c, 1), (b, 2)]);
    let running = Some(ProcessStatus::Running);
    assert_eq!(below(store, root, running), [(c, 1), (b, 2)]);
    assert_eq!(below(store, a, None), [(b, 1)]);
    assert_eq!(below(store, alone, None), []);
    assert_eq!(below(store, ProcessId::generate(), None), []);
}

pub(crate) fn ancestors_lead_from_the_parent_to_the_root<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let Family { root, a, b, .. } = family(store, &machine);
    assert_eq!(store.ancestors(b).unwrap(), [a, root]);
    assert_eq!(store.ancestors(root).unwrap(), []);
    assert_eq!(store.ancestors(ProcessId::generate()).unwrap(), []);
}

pub(crate) fn a_long_line_of_parents_is_followed_to_its_ends<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let mut line: Vec<Process> = Vec::new();
    for seconds in 0..1500 {
        let mut next = new_process(machine.id, seconds);
        next.parent_id = line.last().map(|process| process.id);
        line.push(next);
    }
    let inserts = line.iter().cloned();
    write(
        store,
        inserts
            .map(|it| Change::InsertProcess(Box::new(it)))
            .collect(),
    );
    let line: Vec<_> = line.iter().map(|process| process.id).collect();
    let expected: Vec<_> = line[1..].iter().copied().zip(1..).collect();
    assert_eq!(below(store, line[0], None), expected);
    let mut above = store.ancestors(line[1499]).unwrap();
    above.reverse();
    assert_eq!(above, line[..1499]);
}

pub(crate) fn worker_ids_count_up_for_each_type_and_outlive_every_record<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let worker = process(store, machine.id, 0, |it| {
        it.process_type = ProcessType::Worker;
        it.worker_type = "crawl".to_owned();
    });
    let next = |store: &dyn Store, worker_type| store.next_worker_id(worker_type).unwrap();
    assert_eq!([next(store, "crawl"), next(store, "crawl")], [1, 2]);
    assert_eq!([next(store, "snapshot"), next(store, "")], [1, 1]);
    write(store, vec![Change::DeleteProcess(worker)]);
    write(store, vec![Change::DeleteMachine(machine.id)]);
    let harness = harness.reopen();
    assert_eq!(next(harness.store(), "crawl"), 3);
}

pub(crate) fn no_worker_id_is_given_out_twice<H: Harness>() {
    const CALLERS: u64 = 8;
    const CALLS: u64 = 40;
    let harness = H::fresh();
    let store = harness.store();
    let given = Mutex::new(HashSet::new());
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let given = &given;
            scope.spawn(move || {
                for call in 0..CALLS {
                    // The writer is busy meanwhile.
                    let guid = format!("{caller}.{call}");
                    let insert = Change::InsertMachine(Box::new(new_machine(&guid)));
                    drop(store.submit(at(0), vec![insert]));
                    let id = store.next_worker_id("crawl").unwrap();
                    assert!(given.lock().unwrap().insert(id), "{id} a second time");
                }
            });
        }
    });
    assert_eq!(given.into_inner().unwrap(), (1..=CALLERS * CALLS).collect());
}

pub(crate) fn those_that_ended_before_a_time_come_in_pages<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let (here, elsewhere) = (machine(store, "here").id, machine(store, "elsewhere").id);
    let ended = |machine, made, ended: Option<i64>| {
        let process = Process {
            status: ProcessStatus::Exited,
            ended_at: ended.map(at),
            modified_at: at(made + 1),
            ..new_process(machine, made)
        };
        insert(store, &process);
        process
    };
    let old: Vec<_> = (0..5)
        .map(|made| ended(here, made, Some(made + 5)))
        .collect();
    let unseen = ended(here, 20, None);
    ended(here, 6, Some(100));
    ended(here, 100, Some(101));
    ended(here, 200, None);
    ended(elsewhere, 0, Some(1));
    insert(store, &new_process(here, 0));

    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.ended_page(here, at(100), after.as_ref(), 2).unwrap();
        assert!(page.rows.records.len() <= 2);
        found.extend(page.rows.records);
        match page.next {
            Some(key) => after = Some(key),
            None => break,
        }
    }
    let expected: Vec<_> = old.into_iter().chain([unseen]).collect();
    assert_eq!(found, expected);
    let none = store.ended_page(here, at(0), None, 10).unwrap();
    assert!(none.rows.records.is_empty() && none.next.is_none());
}

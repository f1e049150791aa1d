//! Deleting records with what belongs to them.

use hostledger_model::{
    MachineId, OwnerId, Process, ProcessChange, ProcessId, ProcessStatus, Requeued,
};
use hostledger_store::{Change, Commit};

use super::Harness;
use super::world::{
    at, change, ended, insert, machine, new_binary, new_interface, new_process, refused, row,
    started, submit, write,
};

pub(crate) fn a_process_leaves_its_children_and_takes_its_attempts<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let parent = new_process(machine.id, 0);
    let child = Process {
        parent_id: Some(parent.id),
        ..new_process(machine.id, 1)
    };
    let requeued = ProcessChange::Requeued(Requeued {
        ended: ended(1),
        retry_at: at(60),
        owner: None,
    });
    insert(store, &parent);
    insert(store, &child);
    let steps = [ProcessChange::Started(started(4711)), requeued];
    write(
        store,
        steps.map(|step| change(parent.id, step, None)).into(),
    );
    assert_eq!(store.attempts(parent.id).unwrap().len(), 1);

    write(store, vec![Change::DeleteProcess(parent.id)]);
    assert_eq!(store.process(parent.id).unwrap(), None);
    assert_eq!(store.attempts(parent.id).unwrap(), []);
    let orphan = Process {
        parent_id: None,
        ..child
    };
    assert_eq!(row(store, orphan.id), orphan);
}

pub(crate) fn a_machine_takes_everything_of_its_own<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let gone = machine(store, "gone");
    let kept = machine(store, "kept");
    let interface = new_interface(gone.id, "10.0.0.2");
    let binary = new_binary(gone.id, "sleep");
    let parent = new_process(gone.id, 0);
    let child = Process {
        parent_id: Some(parent.id),
        ..new_process(gone.id, 1)
    };
    let elsewhere = Process {
        parent_id: Some(parent.id),
        binary_id: Some(binary.id),
        interface_id: Some(interface.id),
        owner: Some(OwnerId::generate()),
        ..new_process(kept.id, 2)
    };
    write(
        store,
        vec![
            Change::InsertInterface(Box::new(interface.clone())),
            Change::InsertBinary(Box::new(binary.clone())),
            Change::InsertProcess(Box::new(parent.clone())),
            Change::InsertProcess(Box::new(child.clone())),
            Change::InsertProcess(Box::new(elsewhere.clone())),
        ],
    );
    write(store, vec![Change::DeleteMachine(gone.id)]);

    assert_eq!(store.machine(gone.id).unwrap(), None);
    assert_eq!(store.interface(interface.id).unwrap(), None);
    assert_eq!(store.binary(binary.id).unwrap(), None);
    for process in [parent.id, child.id] {
        assert_eq!(store.process(process).unwrap(), None);
    }
    let alone = Process {
        parent_id: None,
        binary_id: None,
        interface_id: None,
        ..elsewhere
    };
    assert_eq!(row(store, alone.id), alone);
    assert_eq!(store.machine(kept.id).unwrap(), Some(kept));
}

pub(crate) fn what_is_gone_cannot_be_deleted<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    refused(store, Change::DeleteProcess(ProcessId::generate()));
    refused(store, Change::DeleteMachine(MachineId::generate()));
}

pub(crate) fn what_has_ended_is_pruned_with_what_belongs_to_it_and_nothing_else<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let process = |status| Process {
        status,
        ..new_process(machine.id, 0)
    };
    let old = process(ProcessStatus::Exited);
    let child = Process {
        parent_id: Some(old.id),
        ..process(ProcessStatus::Exited)
    };
    let others = [
        process(ProcessStatus::Queued),
        process(ProcessStatus::Running),
        process(ProcessStatus::Exited),
    ];
    [&old, &child]
        .into_iter()
        .chain(&others)
        .for_each(|it| insert(store, it));
    let ids = [others[0].id, old.id, ProcessId::generate(), others[1].id];
    let pruned = submit(store, vec![Change::PruneProcesses(ids.into())]).unwrap();
    assert_eq!(pruned, Commit::Applied(vec![old.id.into()]));
    assert_eq!(store.process(old.id).unwrap(), None);
    for kept in &others {
        assert_eq!(&row(store, kept.id), kept);
    }
    assert_eq!(row(store, child.id).parent_id, None);

    // An earlier attempt goes with its process.
    let again = process(ProcessStatus::Queued);
    insert(store, &again);
    let requeued = ProcessChange::Requeued(Requeued {
        ended: ended(1),
        retry_at: at(60),
        owner: None,
    });
    for step in [
        ProcessChange::Started(started(1)),
        requeued,
        ProcessChange::Started(started(2)),
        ProcessChange::Ended(ended(0)),
    ] {
        write(store, vec![change(again.id, step, None)]);
    }
    assert_eq!(store.attempts(again.id).unwrap().len(), 1);
    write(store, vec![Change::PruneProcesses([again.id].into())]);
    assert_eq!(store.attempts(again.id).unwrap(), []);
    let many: Vec<_> = (0..1200).map(|_| process(ProcessStatus::Exited)).collect();
    let ids: Vec<_> = many.iter().map(|it| it.id).collect();
    write(store, vec![Change::InsertProcesses(many.into())]);
    let pruned = submit(store, vec![Change::PruneProcesses(ids.clone().into())]).unwrap();
    let all = ids.into_iter().map(Into::into).collect();
    assert_eq!(pruned, Commit::Applied(all));
}

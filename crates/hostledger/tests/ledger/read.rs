//! Finding records, and what is current.

use hostledger::model::{KillMode, LogPlace};
use hostledger::{Ledger, LedgerError, Process, Signal, StoreError};

use crate::bench::Bench;

#[test]
fn the_tree_of_recorded_processes_is_known_in_both_directions() {
    let bench = Bench::new();
    let child_of = |parent: Option<&Process>| {
        let mut command = bench.ledger.command("true");
        if let Some(parent) = parent {
            command = command.parent(parent.id);
        }
        command.launch().unwrap().wait().unwrap()
    };
    let root = child_of(None);
    let middle = child_of(Some(&root));
    let leaves = [child_of(Some(&middle)), child_of(Some(&middle))];
    let tree = bench.ledger.tree(leaves[0].id).unwrap();
    assert_eq!((tree.depth(), tree.root()), (2, root.id));
    assert_eq!(tree.ancestors, [middle.id, root.id]);
    let tree = bench.ledger.tree(root.id).unwrap();
    let below: Vec<_> = tree
        .descendants
        .iter()
        .map(|one| (one.depth, one.id))
        .collect();
    assert_eq!(
        below,
        [(1, middle.id), (2, leaves[0].id), (2, leaves[1].id)]
    );
    let ids: Vec<_> = tree.descendants.iter().map(|one| one.id).collect();
    let rows = bench.ledger.processes_by_id(&ids).unwrap().complete();
    assert_eq!(rows.unwrap()[0], middle);
}

#[test]
fn a_running_process_is_found_by_its_pid_and_by_the_beginning_of_its_id() {
    let bench = Bench::new();
    let running = bench.ledger.command("sleep").arg("60").launch().unwrap();
    let process = running.process().unwrap();
    let pid = process.pid.unwrap();
    assert_eq!(bench.again().by_pid(pid.get()).unwrap().id, running.id());
    assert_eq!(
        bench.ledger.find_process(&format!("pid:{pid}")).unwrap(),
        running.id()
    );
    let id = running.id().to_string();
    assert_eq!(bench.ledger.find_process(&id[..35]).unwrap(), running.id());
    assert_eq!(bench.ledger.running(None).unwrap().records.len(), 1);
    running.stop(Signal::KILL, None);
    running.wait().unwrap();
    assert!(matches!(
        bench.ledger.by_pid(pid.get()),
        Err(LedgerError::NoSuchPid { .. })
    ));
    assert!(matches!(
        bench.ledger.find_process("zz"),
        Err(LedgerError::Prefix(_))
    ));
    assert!(matches!(
        bench.ledger.find_process("00"),
        Err(LedgerError::NotFound { .. })
    ));
    let machine = bench.ledger.current_machine().unwrap().id.to_string();
    assert!(matches!(
        bench.ledger.find_process(&machine),
        Err(LedgerError::WrongKind { .. })
    ));
}

#[test]
fn our_own_row_is_stopped_without_our_process_group() {
    let bench = Bench::new();
    let own = bench.ledger.current_process().unwrap();
    assert_eq!(own.kill_mode, KillMode::Process);
}

#[test]
fn our_own_process_is_recorded_once_with_its_relatives() {
    let bench = Bench::new();
    let own = bench.ledger.current_process().unwrap();
    assert_eq!(own.pid.unwrap().get().unsigned_abs(), std::process::id());
    assert_eq!(own.log, Some(LogPlace::Terminal));
    assert_eq!(bench.ledger.current_process().unwrap().id, own.id);
    assert_eq!(
        bench.again().current_process().unwrap().id,
        own.id,
        "found by its identity"
    );
    let child = bench.run("true");
    assert_eq!(child.parent_id, Some(own.id), "what we start is below us");
}

#[test]
fn a_deleted_machine_is_noticed_and_made_anew() {
    let bench = Bench::new();
    let machine = bench.ledger.current_machine().unwrap();
    bench.ledger.delete_machine(machine.id).unwrap();
    let anew = bench.ledger.current_machine().unwrap();
    assert_ne!(anew.id, machine.id);
    assert_eq!(anew.facts.guid, machine.facts.guid);
    assert_eq!(bench.again().current_machine().unwrap().id, anew.id);
}

#[test]
fn a_ledger_that_cannot_be_is_refused_with_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a database").unwrap();
    let error = Ledger::open(&file).err().unwrap();
    assert!(matches!(error, LedgerError::DataDir(_)), "{error:?}");
    assert!(error.hint().is_some());
    let mut url = std::ffi::OsString::from("sqlite:");
    url.push(&file);
    let error = Ledger::options()
        .data_dir(directory.path())
        .database(url)
        .open()
        .err()
        .unwrap();
    assert!(
        matches!(error, LedgerError::Store(StoreError::NotADatabase { .. })),
        "{error:?}"
    );
    assert!(error.hint().is_some());
}

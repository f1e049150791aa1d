//! Several programs on one file.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use hostledger_store::{Change, OpenOptions, Records, SqliteStore, Store, StoreError};
use tempfile::TempDir;

use super::other_process::{OtherProcess, Task};
use crate::contract::world::{insert, machine, new_process, row, submit};

fn impatient() -> OpenOptions {
    OpenOptions {
        busy_timeout: Duration::from_millis(100),
        ..OpenOptions::default()
    }
}

#[test]
fn twenty_processes_make_one_ledger_together() {
    let directory = TempDir::new().unwrap();
    for round in 0..3 {
        let path = directory.path().join(format!("{round}.sqlite3"));
        let processes: Vec<_> = (0..20)
            .map(|_| OtherProcess::start(Task::Open, &path))
            .collect();
        for process in processes {
            assert_eq!(process.answer(), "0 machines");
        }
        let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
        machine(&store, "guid");
        assert!(store.check().unwrap().is_empty());
    }
}

#[test]
fn eight_processes_write_without_losing_a_row() {
    const WRITERS: usize = 8;
    const ROWS: usize = 100;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
    let machine = machine(&store, "guid");
    let processes: Vec<_> = (0..WRITERS)
        .map(|_| OtherProcess::start(Task::Insert(ROWS), &path))
        .collect();
    for process in processes {
        assert_eq!(process.answer(), format!("inserted {ROWS}"));
    }
    let rows = Records::processes(&store).filter(Result::is_ok).count();
    assert_eq!(rows, WRITERS * ROWS);
    let health = store.machine(machine.id).unwrap().unwrap().health;
    assert_eq!(health.num_uses_succeeded, WRITERS as u64);
    assert!(store.check().unwrap().is_empty());
}

#[test]
fn eight_processes_number_their_workers_without_giving_an_id_twice() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let processes: Vec<_> = (0..8)
        .map(|_| OtherProcess::start(Task::NumberWorkers(50), &path))
        .collect();
    let mut given: Vec<u64> = Vec::new();
    for process in processes {
        let answer = process.answer();
        given.extend(answer.split(',').map(|id| id.parse::<u64>().unwrap()));
    }
    given.sort_unstable();
    assert_eq!(given, (1..=400).collect::<Vec<_>>());
}

#[test]
fn what_a_writer_was_told_is_committed_survives_its_death() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let machine = machine(
        &SqliteStore::open(&path, &OpenOptions::default()).unwrap(),
        "guid",
    );
    for rows in [1, 30, 100] {
        let committed = OtherProcess::start(Task::Insert(1_000_000), &path).kill_after(rows);
        assert!(committed.len() >= rows);
        let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
        for id in committed {
            assert_eq!(row(&store, id).machine_id, machine.id);
        }
        assert!(store.check().unwrap().is_empty());
        insert(&store, &new_process(machine.id, 0));
    }
}

#[test]
fn a_ledger_locked_by_another_program_is_read_but_not_written_and_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let store = SqliteStore::open(&path, &impatient()).unwrap();
    let machine = machine(&store, "guid");
    let before = new_process(machine.id, 0);
    insert(&store, &before);

    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let during = new_process(machine.id, 1);
    let tickets: Vec<_> = (0..3)
        .map(|_| {
            let changes = vec![Change::InsertProcess(Box::new(during.clone()))];
            store.submit(during.created_at, changes)
        })
        .collect();
    for ticket in tickets {
        let error = ticket.wait().unwrap_err();
        assert!(
            matches!(&error, StoreError::Locked { waited, .. } if *waited == impatient().busy_timeout),
            "{error:?}"
        );
        assert!(error.to_string().contains("locked by another program"));
    }
    assert_eq!(row(&store, before.id), before);
    let reader = SqliteStore::open(&path, &impatient()).unwrap();
    assert_eq!(row(&reader, before.id), before);

    other.batch_execute("ROLLBACK").unwrap();
    insert(&store, &during);
    assert_eq!(row(&reader, during.id), during);
}

#[test]
fn a_ledger_cannot_be_made_while_another_program_has_the_file_locked() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    let error = SqliteStore::open(&path, &impatient()).err().unwrap();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");

    other.batch_execute("ROLLBACK").unwrap();
    let store = SqliteStore::open(&path, &impatient()).unwrap();
    machine(&store, "guid");
}

#[test]
fn two_stores_in_one_process_share_a_ledger() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let stores: Vec<_> = (0..2)
        .map(|_| SqliteStore::open(&path, &OpenOptions::default()).unwrap())
        .collect();
    let machine = machine(&stores[0], "guid");
    let machine_id = machine.id;
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(move || {
                for seconds in 0..50 {
                    insert(store, &new_process(machine_id, seconds));
                }
            });
        }
    });
    for store in &stores {
        assert_eq!(Records::processes(store).count(), 100);
    }
    let refused = submit(&stores[1], vec![Change::InsertMachine(Box::new(machine))]);
    assert!(matches!(refused, Err(StoreError::Duplicate { .. })));
}

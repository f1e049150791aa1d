//! How much is written for a change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use hostledger_model::{MachineId, ProcessChange};
use hostledger_store::{Change, OpenOptions, SqliteStore, Store};
use tempfile::TempDir;

use crate::contract::world::{change, ended, insert, machine, new_process, started, write};

/// So few that SQLite does not begin its log anew meanwhile, which it does after 1000 pages.
const LIVES: i64 = 10;

/// A ledger with this many processes, none of which anybody touches.
fn filled(directory: &TempDir, rows: i64) -> (PathBuf, SqliteStore, MachineId) {
    let path = directory.path().join(format!("{rows}.sqlite3"));
    let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
    let machine = machine(&store, "guid").id;
    let processes: Arc<[_]> = (0..rows).map(|at| new_process(machine, at)).collect();
    write(&store, vec![Change::InsertProcesses(processes)]);
    (path, store, machine)
}

/// How many bytes are written for the lives of some processes, each change on its own.
fn written_for_lives(path: &Path, store: &dyn Store, machine: MachineId) -> u64 {
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let truncate = "PRAGMA busy_timeout = 20000; PRAGMA wal_checkpoint(TRUNCATE)";
    other.batch_execute(truncate).unwrap();
    let log = path.with_extension("sqlite3-wal");
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    for number in 0..LIVES {
        let process = new_process(machine, 100_000 + number);
        insert(store, &process);
        let start = ProcessChange::Started(started(4711));
        write(store, vec![change(process.id, start, None)]);
        let end = ProcessChange::Ended(ended(0));
        write(store, vec![change(process.id, end, None)]);
    }
    fs::metadata(&log).unwrap().len()
}

#[test]
fn a_change_costs_the_same_however_many_rows_there_are() {
    let directory = TempDir::new().unwrap();
    let [few, many] = [100, 20_000].map(|rows| {
        let (path, store, machine) = filled(&directory, rows);
        written_for_lives(&path, &store, machine)
    });
    assert!(few > 0);
    // The trees of tables and indexes are one level deeper, which is one page each.
    assert!(
        many < 2 * few,
        "{few} bytes with 100 rows, {many} with 20 000"
    );
}

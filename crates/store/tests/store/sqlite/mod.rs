//! The SQLite engine: the contract, and what is particular to files.

mod foreign;
mod locking;
mod older;
mod opening;
mod other_process;
mod queue;
mod rows;
mod space;
mod written;

use hostledger_store::{OpenOptions, SqliteStore, Store};
use tempfile::TempDir;

use crate::contract::{Harness, contract_suite};

/// A ledger in a directory of its own.
struct OwnLedger {
    directory: TempDir,
    store: SqliteStore,
}

impl Harness for OwnLedger {
    fn fresh() -> Self {
        Self::in_directory(TempDir::new().unwrap())
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn another(&self) -> Box<dyn Store> {
        Box::new(self.open())
    }

    fn reopen(self) -> Self {
        drop(self.store);
        Self::in_directory(self.directory)
    }
}

impl OwnLedger {
    fn in_directory(directory: TempDir) -> Self {
        let store = open(&directory);
        Self { directory, store }
    }

    fn open(&self) -> SqliteStore {
        open(&self.directory)
    }
}

fn open(directory: &TempDir) -> SqliteStore {
    let path = directory.path().join("ledger.sqlite3");
    SqliteStore::open(&path, &OpenOptions::default()).unwrap()
}

contract_suite!(crate::sqlite::OwnLedger);

//! The PostgreSQL engine: the contract, and what is particular to servers.

mod foreign;
mod language;
mod opening;
mod server;

use hostledger_store::{Database as Location, OpenOptions, PostgresStore, Store, StoreError};
use hostledger_test_postgres::Database;

use crate::contract::{Harness, contract_suite};

/// A ledger in a database of its own.
struct OwnLedger {
    database: Database,
    store: PostgresStore,
}

fn try_open(url: &str) -> Result<PostgresStore, StoreError> {
    let Location::Postgres(url) = Location::parse(url.as_ref()).unwrap() else {
        panic!("{url} is no server's");
    };
    PostgresStore::open(&url, &OpenOptions::default())
}

/// Opens a ledger by its URL.
fn open(url: &str) -> PostgresStore {
    try_open(url).unwrap()
}

impl Harness for OwnLedger {
    fn available() -> bool {
        hostledger_test_postgres::available()
    }

    fn fresh() -> Self {
        let database = Database::shared();
        let store = open(&database.url());
        Self { database, store }
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn reopen(self) -> Self {
        drop(self.store);
        let store = open(&self.database.url());
        Self {
            database: self.database,
            store,
        }
    }

    fn another(&self) -> Box<dyn Store> {
        Box::new(open(&self.database.url()))
    }
}

contract_suite!(crate::postgres::OwnLedger);

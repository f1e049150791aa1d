//! Ledgers that earlier versions wrote.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use hostledger_model::{LaunchAttributes, Outcome, ProcessId, SecretBatchId};
use hostledger_store::{Access, OpenOptions, Records, SqliteStore, Store};
use tempfile::TempDir;

use crate::contract::owners::{assert_owners, owners_before};
use crate::contract::world::{at, insert, machine, new_process, row};

/// Written by the version whose only migration is that of 2026-11-22: three processes, one of
/// them at its second attempt.
const FIRST: &str = "tests/fixtures/ledger-2026-11-22.sqlite3";

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &OpenOptions::default()).unwrap()
}

fn id(text: &str) -> ProcessId {
    text.parse().unwrap()
}

#[test]
fn a_ledger_of_the_first_version_is_brought_up_to_date_and_says_what_it_said() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    fs::copy(FIRST, &path).unwrap();
    let store = open(&path);
    assert_eq!(store.access(), Access::Own);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());

    let build = row(&store, id("01a212c38c667721947d2806f8a32dda"));
    assert_eq!(build.name.as_deref(), Some("build"));
    assert_eq!(
        (build.exit_code, build.outcome),
        (Some(3), Some(Outcome::Exited))
    );
    assert_eq!((build.stdout_bytes, build.stdout_dropped), (Some(4), None));
    let attempts = store.attempts(build.id).unwrap();
    assert_eq!(attempts[0].ended.stdout, "first");
    assert_eq!(attempts[0].ended.stdout_dropped, None);

    let secret = row(&store, id("01a212c38c727048b8ec50398edf7124"));
    assert_eq!(secret.secret_env, ["API_TOKEN"]);
    assert_eq!(secret.secret_batch, None);
    let expected = LaunchAttributes {
        nice: Some(5),
        rlimits: vec!["core=0".parse().unwrap()],
        ..LaunchAttributes::default()
    };
    assert_eq!(secret.launch, expected);
    assert_eq!(Records::processes(&store).filter_map(Result::ok).count(), 3);

    // What is new can be written, and is there when it is opened again.
    let mut process = new_process(build.machine_id, 0);
    process.secret_batch = Some(SecretBatchId::generate());
    process.stdout_dropped = Some(7);
    process.created_at = at(1);
    insert(&store, &process);
    drop(store);
    assert_eq!(row(&open(&path), process.id), process);
}

/// Goes back to the version before owners had rows.
const BEFORE_OWNERS: &str = concat!(
    include_str!("../../../../../migrations/sqlite/2026-11-28-030000_owners/down.sql"),
    "DELETE FROM __diesel_schema_migrations WHERE version >= '20261128030000';"
);

#[test]
fn owners_of_an_earlier_version_with_open_work_get_a_row_without_a_place() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let store = open(&path);
    let machine = machine(&store, "guid").id;
    let owned = owners_before(&store, machine);
    drop(store);
    SqliteConnection::establish(path.to_str().unwrap())
        .unwrap()
        .batch_execute(BEFORE_OWNERS)
        .unwrap();
    assert_owners(&open(&path), machine, &owned);
}

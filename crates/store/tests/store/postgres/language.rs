//! Servers whose messages are not English.

use std::thread;
use std::time::Duration;

use hostledger_store::{
    Change, Database as Location, OpenOptions, PostgresStore, Store, StoreError,
};
use hostledger_test_postgres::{Database, Server, available};

use super::open;
use crate::contract::world::{machine, new_machine, submit};

/// A store that waits for locks for half a second.
fn hasty(url: &str) -> PostgresStore {
    let Location::Postgres(url) = Location::parse(url.as_ref()).unwrap() else {
        panic!("{url} is no server's");
    };
    let options = OpenOptions {
        busy_timeout: Duration::from_millis(500),
        ..OpenOptions::default()
    };
    PostgresStore::open(&url, &options).unwrap()
}

fn grant(database: &Database, role: &str, privileges: &str) {
    database.run(&format!(
        "CREATE ROLE {role} LOGIN; GRANT {privileges} ON ALL TABLES IN SCHEMA public TO {role}"
    ));
}

#[test]
fn what_a_server_says_in_german_is_understood_whoever_asks() {
    if !available() {
        return;
    }
    let Some(server) = Server::german() else {
        return;
    };
    let database = server.database();
    machine(&open(&database.url()), "guid");
    let insert = |store: &PostgresStore, guid: &str| {
        submit(
            store,
            vec![Change::InsertMachine(Box::new(new_machine(guid)))],
        )
    };

    // One may ask for English, one may not.
    grant(&database, "may", "SELECT");
    grant(&database, "may_not", "SELECT");
    database.run("ALTER ROLE may SET lc_messages = 'C'");
    for role in ["may", "may_not"] {
        let error = insert(&hasty(&database.url_of(role)), role).unwrap_err();
        assert!(matches!(error, StoreError::Forbidden { .. }), "{error:?}");
    }

    grant(&database, "writer", "SELECT, INSERT, UPDATE, DELETE");
    let stores = ["postgres", "writer"].map(|role| hasty(&database.url_of(role)));
    thread::scope(|scope| {
        let locked = scope.spawn(|| {
            database.run("BEGIN; LOCK TABLE machine_machine; SELECT pg_sleep(4); COMMIT");
        });
        for (store, guid) in stores.iter().zip(["a", "b"]) {
            let mut number = 0;
            let error = loop {
                // Not before it is locked.
                if locked.is_finished() {
                    panic!("it was never in the way");
                }
                number += 1;
                if let Err(error) = insert(store, &format!("{guid}{number}")) {
                    break error;
                }
            };
            assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
        }
    });

    let (first, second) = (insert(&stores[0], "twice"), insert(&stores[1], "twice"));
    assert!(first.unwrap().is_applied());
    let error = second.unwrap_err();
    assert!(
        matches!(&error, StoreError::Duplicate { columns, .. } if columns == "guid"),
        "{error:?}"
    );

    let session = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'hostledger'";
    database.run(session);
    for (store, guid) in stores.iter().zip(["c", "d"]) {
        assert!(store.machine_by_guid("guid").unwrap().is_some());
        assert!(insert(store, guid).unwrap().is_applied());
    }

    database.run(&format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        database.name()
    ));
    for role in ["postgres", "writer"] {
        let error = insert(&hasty(&database.url_of(role)), "e").unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    }
}

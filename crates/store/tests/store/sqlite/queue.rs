//! Taking on what is due, where files have something to say about it.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use hostledger_model::{Lease, MachineId, OwnerId, ProcessId};
use hostledger_store::{Change, Claim, Claims, Durability, OpenOptions, SqliteStore, Store, Used};
use tempfile::TempDir;

use super::OwnLedger;
use crate::contract::Harness;
use crate::contract::world::{at, insert, machine, new_process, row, write};

fn claim(store: &dyn Store, machine: MachineId, now: i64) -> Claims {
    let asked = Claim {
        machine,
        owner: OwnerId::generate(),
        now: at(now),
        limit: 2,
        lease: Lease {
            slack: TimeDelta::seconds(30),
            without_timeout: TimeDelta::hours(24),
        },
    };
    store.claim(asked).wait().unwrap()
}

fn ids(claims: &Claims) -> Vec<ProcessId> {
    claims.claimed.iter().map(|it| it.process.id).collect()
}

#[test]
fn rows_that_cannot_be_read_stand_in_nobodys_way() {
    let ledger = OwnLedger::fresh();
    let store = ledger.store();
    let machine = machine(store, "guid").id;
    let processes = [0, 1, 2].map(|seconds| new_process(machine, seconds));
    processes.iter().for_each(|it| insert(store, it));
    let path = ledger.directory.path().join("ledger.sqlite3");
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let bad = [&processes[0], &processes[1]];
    for process in bad {
        let id = process.id.simple();
        let sql = format!("UPDATE machine_process SET process_type = 'x' WHERE id = '{id}'");
        other.batch_execute(&sql).unwrap();
    }
    let claims = claim(store, machine, 10);
    assert_eq!((ids(&claims), claims.corrupt.len()), (Vec::new(), 2));
    assert_eq!(claims.next_due, Some(at(2)));
    let claims = claim(store, machine, 10);
    assert_eq!(
        (ids(&claims), claims.corrupt.len()),
        (vec![processes[2].id], 0)
    );
    // Nobody's, and looked at again after a day.
    assert_eq!(claims.next_due, Some(at(10 + 24 * 3600)));
    let mend = "UPDATE machine_process SET process_type = 'cli' WHERE process_type = 'x'";
    other.batch_execute(mend).unwrap();
    assert!(bad.iter().all(|it| row(store, it.id).owner.is_none()));
    assert_eq!(
        ids(&claim(store, machine, 10 + 24 * 3600)),
        bad.map(|it| it.id)
    );
}

#[test]
fn what_we_write_ourselves_is_not_told_unless_it_queues_something() {
    let ledger = OwnLedger::fresh();
    let store = ledger.store();
    let machine = machine(store, "guid").id;
    let mut watch = store.watch().unwrap();
    let count = || {
        let of = Used::Machine(machine);
        let succeeded = true;
        write(store, vec![Change::CountUse { of, succeeded }]);
    };
    count();
    // Whatever was written before is told; the second write comes after that was looked at.
    watch.take();
    count();
    watch.take();
    for _ in 0..10 {
        count();
        assert!(!watch.take());
    }
    count();
    assert!(!watch.take());
    insert(store, &new_process(machine, 0));
    assert!(watch.take());
}

#[test]
fn full_durability_is_the_writers() {
    let directory = TempDir::new().unwrap();
    let options = OpenOptions {
        durability: Durability::Full,
        ..OpenOptions::default()
    };
    let path = directory.path().join("ledger.sqlite3");
    let store = SqliteStore::open(&path, &options).unwrap();
    let machine = machine(&store, "guid").id;
    insert(&store, &new_process(machine, 0));
    assert_eq!(claim(&store, machine, 0).claimed.len(), 1);
}

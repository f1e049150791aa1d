//! Owners on a server say now and then that they live.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use hostledger_engine::{Heartbeat, Owner};
use hostledger_model::{Machine, MachineFacts, OwnerPlace, OwnerRecord, Timestamp};
use hostledger_store::{Change, Database as Location, OpenOptions, OwnerChange};
use hostledger_test_postgres::{Database, available};

#[test]
fn who_has_taken_something_on_says_again_and_again_that_it_lives_until_it_goes() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let location = Location::parse(database.url().as_ref()).unwrap();
    let store = location.open(&OpenOptions::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_owned();
    let [owners, keepers] = ["owners", "keepers"].map(|name| data_dir.join(name));
    fs::create_dir(&owners).unwrap();
    fs::create_dir(&keepers).unwrap();
    let began = Timestamp::now();
    let machine = Machine::new(MachineFacts::default(), began);
    let owner = Owner::register(&owners).unwrap();
    let record = OwnerRecord {
        id: owner.id(),
        machine_id: machine.id,
        place: Some(OwnerPlace {
            data_dir: data_dir.clone(),
            mark: Owner::mark(&owners).unwrap(),
        }),
        started_at: began,
        seen_at: began,
    };
    let seen = OwnerChange::Seen(Box::new(record.clone()));
    let changes = vec![
        Change::InsertMachine(Box::new(machine)),
        Change::Owner(seen),
    ];
    store.submit(began, changes).wait().unwrap();

    let period = Duration::from_millis(30);
    let heartbeat = Heartbeat::start(store.clone(), record.clone(), period).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut last = began;
    for _ in 0..3 {
        let row = loop {
            let row = store.owner(owner.id()).unwrap().unwrap();
            if row.seen_at > last {
                break row;
            }
            assert!(Instant::now() < deadline, "it is not heard of after {last}");
            thread::sleep(Duration::from_millis(5));
        };
        last = row.seen_at;
        // It says nothing else of itself.
        let seen_at = began;
        assert_eq!(OwnerRecord { seen_at, ..row }, record);
    }
    drop(heartbeat);
    let gone = OwnerChange::Gone {
        id: owner.id(),
        machine: record.machine_id,
    };
    let gone = store.submit(Timestamp::now(), vec![Change::Owner(gone)]);
    gone.wait().unwrap();
    assert_eq!(
        store.owner(owner.id()).unwrap(),
        None,
        "nothing comes after that"
    );
}

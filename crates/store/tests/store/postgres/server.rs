//! Servers that go away, and come back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hostledger_model::{MachineId, Process, ProcessChange, ProcessId, ProcessStatus};
use hostledger_store::{Change, Commit, ProcessFilter, Store, StoreError, Used};
use hostledger_test_postgres::{Database, PORT, Server, available};

use super::opening::free_port;
use super::{open, try_open};
use crate::contract::world::{
    at, change, ended, insert, machine, new_machine, new_process, row, started, submit,
};

/// Writes until the server has been killed some times under it.
const KILLS: usize = 6;

/// A life in one submission after another, each of which counts a use: it shows when one is
/// written twice, and when one is lost.
fn live(store: &dyn Store, process: Process) -> Result<(), (ProcessId, StoreError)> {
    let id = process.id;
    let used = Used::Machine(process.machine_id);
    let steps = [
        Change::InsertProcess(Box::new(process)),
        change(id, ProcessChange::Started(started(7)), None),
        change(id, ProcessChange::Ended(ended(0)), None),
    ];
    for step in steps {
        let count = Change::CountUse {
            of: used,
            succeeded: true,
        };
        let commit = store.submit(at(1000), vec![step, count]).wait();
        let commit = commit.map_err(|error| (id, error))?;
        assert!(
            commit.is_applied(),
            "lost before, or written twice: {commit:?}"
        );
    }
    Ok(())
}

#[test]
fn every_answered_commit_is_there_once_however_often_the_server_is_killed() {
    if !available() {
        return;
    }
    let mut server = Server::start();
    let database = server.database();
    let store = open(&database.url());
    let machine = machine(&store, "guid").id;
    let until = AtomicBool::new(false);
    let lives: Vec<ProcessId> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| live_until(&store, machine, &until)))
            .collect();
        for kill in 0..KILLS {
            // At another moment of the writing each time.
            thread::sleep(Duration::from_millis(120 + 37 * kill as u64));
            server.kill();
            server.start_again();
        }
        until.store(true, Ordering::Relaxed);
        let lived = writers.into_iter().map(|it| it.join().unwrap());
        lived.flatten().collect()
    });
    assert!(lives.len() > KILLS, "{}", lives.len());
    assert_all_were_lived(&store, machine, &lives);
}

/// One life after another, at least one; who they were.
fn live_until(store: &dyn Store, machine: MachineId, until: &AtomicBool) -> Vec<ProcessId> {
    let mut lived = Vec::new();
    while lived.is_empty() || !until.load(Ordering::Relaxed) {
        let process = new_process(machine, 0);
        lived.push(process.id);
        live(store, process).unwrap();
    }
    lived
}

#[track_caller]
fn assert_all_were_lived(store: &dyn Store, machine: MachineId, lives: &[ProcessId]) {
    for id in lives {
        let process = store.process(*id).unwrap();
        let process = process.unwrap_or_else(|| panic!("{id} was answered, and is not there"));
        assert_eq!(process.status, ProcessStatus::Exited, "{id}");
    }
    let health = store.machine(machine).unwrap().unwrap().health;
    assert_eq!(health.num_uses_succeeded, 3 * lives.len() as u64);
    let of_machine = ProcessFilter {
        machine_id: Some(machine),
        ..ProcessFilter::default()
    };
    let there = store.process_count(&of_machine).unwrap();
    assert_eq!(there, lives.len() as u64);
}

/// Lets everybody in who comes from here.
const TRUST: (&str, &[u8]) = (
    "pg_hba.conf",
    b"local all all trust\nhost all all 127.0.0.1/32 trust\n",
);

/// Each COMMIT takes a while before it is on the disk, and no one else brings it there.
const SLOW_COMMITS: &str = "listen_addresses = ''
fsync = on
commit_delay = 100000
commit_siblings = 0
wal_writer_delay = 10s
";

/// Another program's transactions, which get the next numbers.
const TAKE_NUMBERS: &str = "DO $$ BEGIN FOR number IN 1..100 LOOP
    BEGIN INSERT INTO other VALUES (number); EXCEPTION WHEN division_by_zero THEN NULL; END;
END LOOP; END $$";

#[test]
fn a_lost_commit_is_not_taken_for_that_of_another_who_was_given_its_number() {
    if !available() {
        return;
    }
    let mut server = Server::with(SLOW_COMMITS, &[], PORT);
    let database = server.database();
    database.run("CREATE TABLE other (number integer)");
    // Each with a machine of its own, or they would wait for each other's counts.
    let stores: Vec<_> = (0..6)
        .map(|number| {
            let store = open(&database.url());
            let machine = machine(&store, &number.to_string()).id;
            (store, machine)
        })
        .collect();
    let until = AtomicBool::new(false);
    let lives: Vec<Vec<ProcessId>> = thread::scope(|scope| {
        let writers: Vec<_> = stores
            .iter()
            .map(|(store, machine)| scope.spawn(|| live_until(store, *machine, &until)))
            .collect();
        for kill in 0..KILLS {
            // At another moment of the writing each time.
            thread::sleep(Duration::from_millis(400 + 37 * kill as u64));
            server.vanish();
            server.start_again();
            database.run(TAKE_NUMBERS);
        }
        until.store(true, Ordering::Relaxed);
        writers.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for ((store, machine), lives) in stores.iter().zip(&lives) {
        assert_all_were_lived(store, *machine, lives);
    }
    drop(stores);
    let closed = "SELECT count(*) FROM hostledger_commit WHERE NOT closed";
    assert_eq!(database.run(closed).trim(), "0");
}

/// A session that is asked about can commit nothing after that, however late it comes to it.
#[test]
fn what_was_said_not_to_be_committed_never_is() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let store = open(&database.url());
    machine(&store, "guid");
    database.run("UPDATE hostledger_commit SET closed = true");
    let error = submit(
        &store,
        vec![Change::InsertMachine(Box::new(new_machine("other")))],
    );
    assert!(error.is_err(), "{error:?}");
    assert!(store.machine_by_guid("other").unwrap().is_none());
}

#[test]
fn while_the_server_is_gone_reads_say_so_and_writes_wait_for_it() {
    if !available() {
        return;
    }
    let mut server = Server::start();
    let database = server.database();
    let store = open(&database.url());
    let machine = machine(&store, "guid").id;
    let process = new_process(machine, 0);
    insert(&store, &process);
    server.kill();

    let began = Instant::now();
    let error = store.process(process.id).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "not waited for");

    let started = change(process.id, ProcessChange::Started(started(7)), None);
    let ticket = store.submit(at(1000), vec![started.clone()]);
    server.start_again();
    assert!(ticket.wait().unwrap().is_applied());
    assert_eq!(row(&store, process.id).status, ProcessStatus::Running);
    let again = store.submit(at(1000), vec![started]).wait().unwrap();
    assert_eq!(again, Commit::Refused { change: 0 });

    // One that stays away: what could not be written is said to be so, and nothing of it is.
    server.kill();
    let ended = change(process.id, ProcessChange::Ended(ended(0)), None);
    let error = store.submit(at(1000), vec![ended]).wait().unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    let error = try_open(&database.url()).err().unwrap();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    server.start_again();
    assert_eq!(row(&store, process.id).status, ProcessStatus::Running);
}

#[test]
fn a_watch_hears_what_others_queue_before_and_after_a_restart() {
    if !available() {
        return;
    }
    let mut server = Server::start();
    let database = server.database();
    let store = open(&database.url());
    let machine = machine(&store, "guid").id;
    let other = open(&database.url());
    let mut watch = store.watch().unwrap();
    let mut heard = |what: &str| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let limit = rustix::event::Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            };
            let readiness = watch.readiness();
            let fd =
                rustix::event::PollFd::from_borrowed_fd(readiness, rustix::event::PollFlags::IN);
            rustix::event::poll(&mut [fd], Some(&limit)).unwrap();
            if watch.take() {
                return;
            }
            assert!(Instant::now() < deadline, "{what} was not heard");
        }
    };
    insert(&other, &new_process(machine, 0));
    heard("another one's");
    insert(&store, &new_process(machine, 0));
    heard("our own");
    server.kill();
    server.start_again();
    heard("that it was deaf for a while");
    insert(&other, &new_process(machine, 0));
    heard("what came after that");
}

#[test]
fn a_store_that_listens_is_closed_while_a_server_does_not_answer() {
    if !available() {
        return;
    }
    let port = free_port();
    let mut server = Server::with("listen_addresses = '127.0.0.1'\n", &[TRUST], port);
    let database = server.database();
    let name = database.name();
    let store = open(&format!("postgres://postgres@127.0.0.1:{port}/{name}"));
    machine(&store, "guid");
    let watch = store.watch().unwrap();
    server.kill();
    // Takes connections, and never says a word.
    let silent = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let waiting = silent.accept().unwrap();
    let began = Instant::now();
    drop(watch);
    drop(store);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    drop(waiting);
    drop(silent);
    server.start_again();
}

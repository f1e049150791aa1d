//! Servers that go away, and come back.

use std::thread;
use std::time::{Duration, Instant};

use hostledger_model::{Process, ProcessChange, ProcessId, ProcessStatus};
use hostledger_store::{Change, Commit, Store, StoreError, Used};
use hostledger_test_postgres::{Server, available};

use super::{open, try_open};
use crate::contract::world::{at, change, ended, insert, machine, new_process, row, started};

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
        assert!(commit.is_applied(), "written twice: {commit:?}");
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
    let until = std::sync::atomic::AtomicBool::new(false);
    let lives: Vec<ProcessId> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let (store, until) = (&store, &until);
                scope.spawn(move || {
                    let mut lived = Vec::new();
                    while !until.load(std::sync::atomic::Ordering::Relaxed) {
                        let process = new_process(machine, 0);
                        lived.push(process.id);
                        live(store, process).unwrap();
                    }
                    lived
                })
            })
            .collect();
        for kill in 0..KILLS {
            // At another moment of the writing each time.
            thread::sleep(Duration::from_millis(120 + 37 * kill as u64));
            server.kill();
            server.start_again();
        }
        until.store(true, std::sync::atomic::Ordering::Relaxed);
        let lived = writers.into_iter().map(|it| it.join().unwrap());
        lived.flatten().collect()
    });
    assert!(lives.len() > KILLS, "{}", lives.len());
    for id in &lives {
        assert_eq!(row(&store, *id).status, ProcessStatus::Exited);
    }
    let health = store.machine(machine).unwrap().unwrap().health;
    assert_eq!(health.num_uses_succeeded, 3 * lives.len() as u64);
    assert_eq!(
        database.run("SELECT count(*) FROM machine_process").trim(),
        lives.len().to_string()
    );
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

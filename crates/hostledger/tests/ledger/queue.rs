//! Queued work that is taken back, and work that is done again.

use std::fs;
use std::time::Duration;

use hostledger::{Cancelled, LedgerError, Outcome, ProcessId, ProcessStatus, Signal, Timestamp};
use hostledger_engine::Owner;
use hostledger_model::ProcessChange;
use hostledger_store::{Change, OpenOptions, SqliteStore, Store as _};

use crate::bench::Bench;

fn cancel(bench: &Bench, id: ProcessId, patience: Duration) -> Cancelled {
    let mut answers = bench.ledger.cancel(&[id], patience).unwrap();
    answers.pop().unwrap().unwrap()
}

/// Has somebody take on a process for a minute.
fn claim(bench: &Bench, id: ProcessId, owner: &Owner) {
    let path = bench.directory.path().join("data/ledger.sqlite3");
    let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
    let now = Timestamp::now();
    let change = ProcessChange::Claimed {
        owner: owner.id(),
        lease_until: now.saturating_add(chrono::TimeDelta::minutes(1)),
    };
    let change = Change::ChangeProcess {
        id,
        change,
        owner: None,
    };
    assert!(store.submit(now, vec![change]).wait().unwrap().is_applied());
}

fn owner(bench: &Bench) -> Owner {
    Owner::register(&bench.directory.path().join("data/owners")).unwrap()
}

#[test]
fn what_nobody_has_taken_on_is_cancelled_at_once_and_its_secrets_go() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let later = Timestamp::now().saturating_add(chrono::TimeDelta::hours(1));
    let command = |due| ledger.command("true").env("API_KEY", "hunter2").due_at(due);
    let queued = ledger
        .submit([command(later), command(Timestamp::now())])
        .unwrap();
    let ids: Vec<_> = queued.iter().map(|process| process.id).collect();
    for answer in ledger.cancel(&ids, Duration::ZERO).unwrap() {
        assert_eq!(answer.unwrap(), Cancelled::Cancelled);
    }
    for id in ids {
        let process = ledger.process(id).unwrap();
        assert_eq!(process.status, ProcessStatus::Exited);
        assert_eq!(
            (process.outcome, process.exit_code),
            (Some(Outcome::Cancelled), None)
        );
        assert_eq!((process.started_at, process.retry_at), (None, None));
        assert!(process.ended_at.is_some());
        let launched = ledger.launch(id);
        assert!(matches!(launched, Err(LedgerError::NotLaunchable { .. })));
        assert_eq!(cancel(&bench, id, Duration::ZERO), Cancelled::Ended);
    }
    let secrets = ledger.data_dir().unwrap().join("secrets");
    assert_eq!(fs::read_dir(secrets).unwrap().count(), 0);
}

#[test]
fn what_runs_or_has_ended_is_not_cancelled() {
    let bench = Bench::new();
    let running = bench.ledger.command("sleep").arg("60").launch().unwrap();
    assert_eq!(
        cancel(&bench, running.id(), Duration::ZERO),
        Cancelled::Started
    );
    assert_eq!(running.process().unwrap().stop, None, "nor told to end");
    running.stop(Signal::KILL, None);
    running.wait().unwrap();
    assert_eq!(
        cancel(&bench, running.id(), Duration::ZERO),
        Cancelled::Ended
    );
    let missing = bench
        .ledger
        .cancel(&[ProcessId::generate()], Duration::ZERO);
    assert!(missing.unwrap().pop().unwrap().is_err());
}

#[test]
fn whoever_has_taken_a_process_on_is_asked_and_never_passed_over() {
    let bench = Bench::new();
    let queued = bench.ledger.command("true").create().unwrap();
    let owner = owner(&bench);
    claim(&bench, queued.id, &owner);
    let answer = cancel(&bench, queued.id, Duration::from_millis(60));
    assert_eq!(answer, Cancelled::Asked);
    let process = bench.ledger.process(queued.id).unwrap();
    assert_eq!(process.status, ProcessStatus::Queued);
    assert_eq!(process.owner, Some(owner.id()));
    assert!(process.stop.is_some(), "the request is stored");

    // It dies without an answer: it is nobody's then.
    drop(owner);
    let answer = cancel(&bench, queued.id, Duration::ZERO);
    assert_eq!(answer, Cancelled::Cancelled);
    let process = bench.ledger.process(queued.id).unwrap();
    assert_eq!(process.outcome, Some(Outcome::Cancelled));
}

#[test]
fn what_was_asked_for_is_cancelled_when_its_owner_lets_go() {
    let bench = Bench::new();
    let queued = bench.ledger.command("true").create().unwrap();
    let owner = owner(&bench);
    claim(&bench, queued.id, &owner);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| cancel(&bench, queued.id, Duration::from_secs(20)));
        let is_asked = || bench.ledger.process(queued.id).unwrap().stop.is_some();
        crate::bench::wait_until("a request is stored", is_asked);
        drop(owner);
        assert_eq!(asked.join().unwrap(), Cancelled::Cancelled);
    });
}

#[test]
fn one_that_was_to_be_cancelled_is_not_started_any_more() {
    let bench = Bench::new();
    let marker = bench.directory.path().join("marker");
    let queued = bench.ledger.command("touch").arg(&marker).create().unwrap();
    let owner = owner(&bench);
    claim(&bench, queued.id, &owner);
    assert_eq!(cancel(&bench, queued.id, Duration::ZERO), Cancelled::Asked);
    drop(owner);
    // Its lease is over: it is due again, and somebody takes it on.
    let path = bench.directory.path().join("data/ledger.sqlite3");
    let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
    let now = Timestamp::now();
    let change = ProcessChange::Deferred { retry_at: now };
    let change = Change::ChangeProcess {
        id: queued.id,
        change,
        owner: None,
    };
    assert!(store.submit(now, vec![change]).wait().unwrap().is_applied());
    let running = bench.ledger.launch(queued.id).unwrap();
    assert_eq!(running.wait().unwrap().outcome, Some(Outcome::Cancelled));
    assert!(!marker.exists());
}

#[test]
fn a_process_is_done_again_as_it_was_asked_for() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let command = ledger
        .command("sh")
        .args(["-c", "echo $A; exit 3"])
        .env("A", "x");
    let command = command
        .name("n")
        .nice(3)
        .timeout(Duration::from_secs(7))
        .kill_mode(hostledger::model::KillMode::Group);
    let old = command.launch().unwrap().wait().unwrap();
    let again = ledger.restart(old.id).unwrap();
    assert_eq!(ledger.process(again.id).unwrap(), again);
    assert_eq!(again.restart_of, Some(old.id));
    assert_eq!((again.status, again.attempt), (ProcessStatus::Queued, 1));
    assert_eq!(
        (again.started_at, again.exit_code, &*again.stdout),
        (None, None, "")
    );
    assert_eq!(
        (&again.cmd, &again.env, &again.pwd),
        (&old.cmd, &old.env, &old.pwd)
    );
    assert_eq!(
        (&again.launch, again.kill_mode),
        (&old.launch, old.kill_mode)
    );
    assert_eq!((&again.name, again.timeout_ms), (&old.name, old.timeout_ms));
    let ended = ledger.launch(again.id).unwrap().wait().unwrap();
    assert_eq!((ended.exit_code, &*ended.stdout), (Some(3), "x\n"));
    assert_eq!(
        ledger.process(old.id).unwrap(),
        old,
        "the old one stays as it is"
    );
}

#[test]
fn secrets_are_handed_on_as_long_as_they_are_kept() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let command = |value: &str| {
        let command = ledger.command("sh").args(["-c", "echo $API_KEY"]);
        command.env("API_KEY", value)
    };
    let queued = ledger.submit([command("one"), command("two")]).unwrap();
    ledger.launch(queued[0].id).unwrap().wait().unwrap();
    let again = ledger.restart(queued[0].id).unwrap();
    assert_ne!(again.secret_batch, queued[0].secret_batch);
    ledger.launch(queued[1].id).unwrap().wait().unwrap();
    let ended = ledger.launch(again.id).unwrap().wait().unwrap();
    assert_eq!(ended.stdout, "one\n");

    for gone in [queued[0].id, again.id] {
        let refused = ledger.restart(gone).unwrap_err();
        assert!(matches!(&refused, LedgerError::SecretMissing { key, .. } if key == "API_KEY"));
        assert!(refused.hint().is_some());
    }
}

#[test]
fn only_what_has_ended_is_restarted() {
    let bench = Bench::new();
    let queued = bench.ledger.command("true").create().unwrap();
    let refused = bench.ledger.restart(queued.id).unwrap_err();
    assert!(matches!(refused, LedgerError::NotEnded { .. }) && refused.hint().is_some());
}

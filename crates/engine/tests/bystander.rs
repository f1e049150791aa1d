//! Processes that somebody else supervises, or nobody any more, in a real ledger.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

use std::fs::{self, File, FileTimes};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use chrono::TimeDelta;
use hostledger_engine::{Bystander, BystanderError, Cancelled, Owner};
use hostledger_model::{
    CommandLine, LogPlace, Machine, MachineFacts, Outcome, OwnerId, Process, ProcessChange,
    ProcessDraft, ProcessStatus, SecretWords, Started, StopRequest, Timestamp,
};
use hostledger_process::{PidSpace, Signal};
use hostledger_store::{Change, OpenOptions, SqliteStore};
use hostledger_sys::FileLock;
use tempfile::TempDir;

const LIMIT: Option<Duration> = Some(Duration::from_secs(20));

/// A ledger that nobody has launched anything with.
struct Place {
    bystander: Bystander,
    _directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let [owners, keepers] = ["owners", "keepers"].map(|name| path.join(name));
        fs::create_dir(&owners).unwrap();
        fs::create_dir(&keepers).unwrap();
        let store = SqliteStore::open(&path.join("ledger.sqlite3"), &OpenOptions::default());
        let machine = Machine::new(MachineFacts::default(), Timestamp::now());
        let bystander = Bystander {
            store: Arc::new(store.unwrap()),
            owners,
            keepers,
            data_dir: path.to_owned(),
            home: Some(path.to_owned()),
            machine: machine.id,
            space: PidSpace::current().unwrap().clone(),
        };
        let place = Self {
            bystander,
            _directory: directory,
        };
        place.write(Change::InsertMachine(Box::new(machine)));
        place
    }

    fn write(&self, change: Change) {
        let commit = self.bystander.store.submit(Timestamp::now(), vec![change]);
        assert!(commit.wait().unwrap().is_applied());
    }

    /// A row as `run` inserts it: taken on at birth.
    fn taken_on(&self, owner: OwnerId, change: impl FnOnce(&mut Process)) -> Process {
        let command = CommandLine::new(vec!["true".into()]).unwrap();
        let draft = ProcessDraft::new(self.bystander.machine, command, b"/".to_vec());
        let now = Timestamp::now();
        let (mut process, _) = draft.into_process(&SecretWords::default(), now).unwrap();
        process.owner = Some(owner);
        process.retry_at = Some(now.saturating_add(TimeDelta::hours(1)));
        change(&mut process);
        self.write(Change::InsertProcess(Box::new(process.clone())));
        process
    }

    fn row(&self, process: &Process) -> Process {
        self.bystander.store.process(process.id).unwrap().unwrap()
    }

    fn dead_owner(&self) -> OwnerId {
        Owner::register(&self.bystander.owners).unwrap().id()
    }
}

fn assert_cancelled(process: &Process) {
    assert_eq!(process.status, ProcessStatus::Exited);
    assert_eq!(
        (process.outcome, process.exit_code),
        (Some(Outcome::Cancelled), None)
    );
    assert_eq!((process.owner, process.pid), (None, None));
}

#[test]
fn a_cleanup_cancels_what_its_launcher_did_not_live_to_start() {
    let place = Place::new();
    let process = place.taken_on(place.dead_owner(), |_| {});
    let cleaned = place.bystander.cleanup(true).unwrap();
    let settled: Vec<_> = cleaned.settled.iter().map(|it| it.id).collect();
    assert_eq!((settled, cleaned.failed.len()), (vec![process.id], 0));
    assert_cancelled(&place.row(&process));
}

#[test]
fn whoever_waits_for_it_is_told_so() {
    let place = Place::new();
    let process = place.taken_on(place.dead_owner(), |_| {});
    let ended = place.bystander.wait(process.id, LIMIT).unwrap();
    assert_cancelled(&ended.unwrap());
}

#[test]
fn what_is_about_to_be_started_is_left_to_its_launcher() {
    let place = Place::new();
    let owner = Owner::register(&place.bystander.owners).unwrap();
    let process = place.taken_on(owner.id(), |_| {});
    assert!(place.bystander.cleanup(true).unwrap().settled.is_empty());
    let ended = place.bystander.wait(process.id, Some(Duration::ZERO));
    assert!(ended.unwrap().is_none());
    assert_eq!(place.row(&process), process);
}

#[test]
fn what_has_begun_and_is_not_written_down_yet_can_be_signalled() {
    let place = Place::new();
    let owner = Owner::register(&place.bystander.owners).unwrap();
    // We ourselves, as a program that asks at once for its own end.
    let process = place.taken_on(owner.id(), |_| {});
    thread::scope(|scope| {
        let killed = scope.spawn(|| place.bystander.kill(process.id, Signal::CONT, None));
        // It has looked by then, or nothing is shown.
        thread::sleep(Duration::from_millis(50));
        place.write(Change::ChangeProcess {
            id: process.id,
            change: ProcessChange::Started(Started {
                identity: place.bystander.space.own_identity().unwrap(),
                started_at: Timestamp::now(),
                lease_until: Timestamp::now().saturating_add(TimeDelta::hours(1)),
                log: LogPlace::Terminal,
                knows_stop: true,
            }),
            owner: Some(owner.id()),
        });
        assert!(killed.join().unwrap().unwrap(), "it got its signal");
    });
}

#[test]
fn what_only_waits_to_be_started_is_not_waited_for() {
    let place = Place::new();
    let owner = Owner::register(&place.bystander.owners).unwrap();
    let claimed = place.taken_on(owner.id(), |it| {
        it.modified_at = it.created_at.saturating_add(TimeDelta::seconds(1));
    });
    let free = place.taken_on(owner.id(), |it| it.owner = None);
    let unborn = place.taken_on(place.dead_owner(), |_| {});
    for process in [claimed, free, unborn] {
        let began = Instant::now();
        let refused = place.bystander.kill(process.id, Signal::CONT, None);
        assert!(matches!(refused, Err(BystanderError::NotStarted { id }) if id == process.id));
        assert!(began.elapsed() < Duration::from_secs(4));
    }
}

#[test]
fn what_was_taken_on_at_another_machine_is_asked_for_there_and_never_settled_here() {
    let place = Place::new();
    let facts = MachineFacts {
        guid: "another".to_owned(),
        ..MachineFacts::default()
    };
    let other = Machine::new(facts, Timestamp::now());
    let machine = other.id;
    place.write(Change::InsertMachine(Box::new(other)));
    // For all that can be seen from here it is dead, and its lease is over.
    let dead = place.dead_owner();
    let process = place.taken_on(dead, |it| {
        (it.machine_id, it.retry_at) = (machine, Some(it.created_at));
    });
    let waited = place.bystander.wait(process.id, Some(Duration::ZERO));
    assert!(waited.unwrap().is_none());
    let waited = place
        .bystander
        .wait_started(process.id, Some(Duration::ZERO));
    assert!(waited.unwrap().is_none());
    assert_eq!(place.row(&process), process);

    let request = StopRequest {
        at: Timestamp::now(),
        by: "somebody".to_owned(),
        signal: 15,
    };
    let mut answers = place
        .bystander
        .cancel(&[process.id], &request, Duration::ZERO);
    assert_eq!(answers.pop().unwrap().unwrap(), Cancelled::Asked);
    let row = place.row(&process);
    assert_eq!((row.status, row.owner), (ProcessStatus::Queued, Some(dead)));
    assert_eq!(
        row.stop,
        Some(request.clone()),
        "it is found before it is started"
    );

    // What nobody has taken on is cancelled from anywhere.
    let free = place.taken_on(dead, |it| (it.machine_id, it.owner) = (machine, None));
    let mut answers = place.bystander.cancel(&[free.id], &request, Duration::ZERO);
    assert_eq!(answers.pop().unwrap().unwrap(), Cancelled::Cancelled);
    assert_cancelled(&place.row(&free));
}

#[test]
fn what_was_queued_before_it_was_taken_on_is_there_for_others_to_start() {
    let place = Place::new();
    let dead = place.dead_owner();
    let later =
        |it: &mut Process| it.modified_at = it.created_at.saturating_add(TimeDelta::seconds(1));
    let claimed = place.taken_on(dead, later);
    let again = place.taken_on(dead, |it| it.attempt = 2);
    assert!(place.bystander.cleanup(true).unwrap().settled.is_empty());
    for process in [claimed, again] {
        assert_eq!(place.row(&process), process);
    }
}

#[test]
fn of_tables_only_those_are_removed_that_nobody_will_finish() {
    let place = Place::new();
    let table = |name: &str, age: Duration| {
        let path = place.bystander.keepers.join(name).with_extension("table");
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path);
        let file = file.unwrap();
        let times = FileTimes::new().set_modified(SystemTime::now() - age);
        file.set_times(times).unwrap();
        (path, file)
    };
    let (old, young) = (Duration::from_secs(3600), Duration::ZERO);
    let (dead, _) = table("dead", old);
    let (begun, _) = table("begun", young);
    let (held, file) = table("held", old);
    let lock = FileLock::try_acquire(file).unwrap().unwrap();
    place.bystander.replay().unwrap();
    assert!(!dead.exists(), "who made it has died over it");
    assert!(begun.exists(), "there may be a keeper for it in a moment");
    assert!(held.exists(), "whoever makes it lives");
    drop(lock);
}

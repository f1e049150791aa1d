//! Workers of embedding programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use hostledger::{
    CommandBuilder, Ledger, LedgerError, OnExit, Outcome, Process, ProcessId, ProcessStatus,
    Signal, Timestamp, WorkCounts, WorkError, Worker,
};
use hostledger_engine::Owner;
use hostledger_model::ProcessChange;
use hostledger_store::{Change, OpenOptions, SqliteStore, Store as _};

use crate::bench::{Bench, LIMIT, wait_until};

fn sh(ledger: &Ledger, script: &str) -> CommandBuilder {
    ledger.command("sh").args(["-c", script])
}

/// A script that leaves a line in a file.
fn line(file: &Path, text: &str) -> String {
    format!("echo {text} >> {}", file.display())
}

/// A script that says that it runs and waits until a file is there.
fn until(begun: &Path, go: &Path) -> String {
    let wait = format!("until [ -e {} ]; do sleep 0.01; done", go.display());
    format!("{}; {wait}; exit 7", line(begun, "x"))
}

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn over(worker: &Worker) -> WorkCounts {
    worker.wait_timeout(LIMIT).unwrap()
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn row(&self, id: ProcessId) -> Process {
        self.ledger.process(id).unwrap()
    }

    fn runs(&self, id: ProcessId) -> bool {
        self.row(id).status == ProcessStatus::Running
    }

    fn has_ended(&self, id: ProcessId) -> bool {
        self.row(id).status == ProcessStatus::Exited
    }
}

#[test]
fn once_ends_when_nothing_is_due_and_leaves_what_is_due_later() {
    let bench = Bench::new();
    let file = bench.path("ran");
    let later = Timestamp::now().saturating_add(TimeDelta::hours(1));
    let commands = (0..20).map(|number| sh(&bench.ledger, &line(&file, &number.to_string())));
    bench.ledger.submit(commands).unwrap();
    let delayed = sh(&bench.ledger, "exit 1").due_at(later).create().unwrap();
    let worker = bench.ledger.worker().jobs(3).once().start().unwrap();
    let counts = over(&worker);
    assert_eq!(
        (counts.succeeded, counts.failed, counts.running),
        (20, 0, 0)
    );
    assert_eq!(lines(&file).len(), 20);
    assert_eq!(bench.row(delayed.id), delayed);

    let none = bench.ledger.worker().once().run().unwrap();
    assert_eq!(none, WorkCounts::default(), "another one finds nothing");
}

#[test]
fn of_several_workers_on_one_ledger_one_runs_each_process() {
    let bench = Bench::new();
    let file = bench.path("ran");
    let commands = (0..90).map(|number| sh(&bench.ledger, &line(&file, &number.to_string())));
    bench.ledger.submit(commands).unwrap();
    let ledgers = [(); 3].map(|()| bench.again());
    let workers = ledgers.each_ref().map(|ledger| {
        let worker = ledger.worker().jobs(2).once();
        worker.start().unwrap()
    });
    let done: u64 = workers.iter().map(|worker| over(worker).succeeded).sum();
    assert_eq!(done, 90);
    let mut ran: Vec<u32> = lines(&file).iter().map(|it| it.parse().unwrap()).collect();
    ran.sort_unstable();
    assert_eq!(ran, (0..90).collect::<Vec<_>>());
}

#[test]
fn a_second_worker_of_an_open_ledger_begins_when_the_first_is_done() {
    let bench = Bench::new();
    let (begun, go) = (bench.path("begun"), bench.path("go"));
    let queue = || sh(&bench.ledger, &until(&begun, &go)).create().unwrap();
    let (running, waiting) = (queue(), queue());
    let first = bench.ledger.worker().jobs(1).start().unwrap();
    wait_until("the first has begun", || bench.runs(running.id));
    let refused = bench.ledger.worker().start().err().unwrap();
    assert!(
        matches!(refused, LedgerError::Work(WorkError::UnderWay)),
        "{refused}"
    );
    first.stop();
    assert_eq!(over(&first).left, 1);
    let second = bench.ledger.worker().start().unwrap();
    wait_until("the second has begun the other", || bench.runs(waiting.id));
    fs::write(&go, "").unwrap();
    for id in [running.id, waiting.id] {
        wait_until("it has ended", || bench.has_ended(id));
    }
    second.stop();
    assert_eq!(over(&second).failed, 1);
}

#[test]
fn when_it_is_stopped_what_runs_goes_on_and_its_true_end_is_written_down() {
    let bench = Bench::new();
    let (begun, go) = (bench.path("begun"), bench.path("go"));
    let queue = || sh(&bench.ledger, &until(&begun, &go)).create().unwrap();
    let (running, waiting) = (queue(), queue());
    let worker = bench.ledger.worker().jobs(1).start().unwrap();
    wait_until("the first runs", || bench.runs(running.id));
    worker.stop();
    let counts = over(&worker);
    assert_eq!((counts.left, counts.done()), (1, 0));
    assert!(bench.row(running.id).detached);
    assert_eq!(bench.row(waiting.id).status, ProcessStatus::Queued);
    assert_eq!(bench.row(waiting.id).owner, None);
    fs::write(&go, "").unwrap();
    let ended = bench.ledger.wait(running.id, Some(LIMIT)).unwrap().unwrap();
    assert_eq!(
        (ended.exit_code, ended.outcome),
        (Some(7), Some(Outcome::Exited))
    );
    let counts = bench.ledger.worker().once().run().unwrap();
    assert_eq!(
        counts.failed, 1,
        "the other one is run by whoever comes next"
    );
    assert_eq!(lines(&begun).len(), 2, "each once");
}

#[test]
fn when_it_is_stopped_what_runs_is_stopped_if_asked_and_not_tried_again() {
    let bench = Bench::new();
    let command = || sh(&bench.ledger, "exec sleep 60").max_attempts(9);
    let ids = [(); 3].map(|()| command().create().unwrap().id);
    let worker = bench.ledger.worker().jobs(2).on_exit(OnExit::Stop);
    let worker = worker.start().unwrap();
    wait_until("two run", || ids[..2].iter().all(|id| bench.runs(*id)));
    worker.stop();
    assert_eq!(over(&worker).failed, 2);
    for id in &ids[..2] {
        let row = bench.row(*id);
        assert_eq!(
            (row.outcome, row.exit_code),
            (Some(Outcome::Killed), Some(143))
        );
    }
    assert_eq!(bench.row(ids[2]).status, ProcessStatus::Queued);
    assert_eq!(bench.row(ids[2]).attempt, 1);
}

#[test]
fn each_end_for_good_is_told_once_and_the_channel_closes_with_the_work() {
    let bench = Bench::new();
    let marker = bench.path("marker");
    let script = format!("[ -e {0} ] || {{ touch {0}; exit 1; }}", marker.display());
    let again = sh(&bench.ledger, &script).max_attempts(2).create().unwrap();
    let failing = sh(&bench.ledger, "exit 5").create().unwrap();
    let (sender, ended) = sync_channel(2);
    let worker = bench.ledger.worker().tell_ended(sender).start().unwrap();
    let mut told = [(); 2].map(|()| ended.recv_timeout(LIMIT).unwrap());
    told.sort_by_key(|process| process.id);
    assert_eq!(told, [bench.row(again.id), bench.row(failing.id)]);
    assert_eq!((told[0].attempt, told[0].exit_code), (2, Some(0)));
    assert_eq!(ended.try_recv(), Err(TryRecvError::Empty));
    worker.stop();
    let counts = over(&worker);
    assert_eq!((counts.succeeded, counts.failed, counts.retried), (1, 1, 1));
    assert!(ended.recv().is_err(), "it is closed");
}

#[test]
fn a_channel_that_nobody_reads_holds_nothing_up() {
    let bench = Bench::new();
    let commands = (0..9).map(|_| bench.ledger.command("true"));
    bench.ledger.submit(commands).unwrap();
    let (sender, ended) = sync_channel(9);
    drop(ended);
    let counts = bench
        .ledger
        .worker()
        .once()
        .tell_ended(sender)
        .run()
        .unwrap();
    assert_eq!((counts.succeeded, counts.untold), (9, 0));
}

#[test]
fn what_a_channel_has_no_room_for_is_counted_and_its_outputs_are_left_out_if_you_like() {
    let bench = Bench::new();
    let commands = (0..9).map(|_| bench.ledger.command("echo").arg("said"));
    bench.ledger.submit(commands).unwrap();
    let (sender, ended) = sync_channel(4);
    let worker = bench.ledger.worker().once();
    let counts = worker.tell_ended_without_output(sender).run().unwrap();
    assert_eq!((counts.succeeded, counts.untold), (9, 5));
    let told: Vec<_> = ended.iter().collect();
    assert_eq!(told.len(), 4);
    for process in told {
        assert_eq!((process.stdout_bytes, &*process.stdout), (Some(5), ""));
        assert_eq!(bench.row(process.id).stdout, "said\n");
    }
}

#[test]
fn what_fails_is_tried_as_often_as_it_may_be() {
    let bench = Bench::new();
    let file = bench.path("tried");
    let script = format!("{}; exit 3", line(&file, "x"));
    let queued = sh(&bench.ledger, &script).max_attempts(3).create().unwrap();
    let worker = bench.ledger.worker().start().unwrap();
    wait_until("it has failed for good", || bench.has_ended(queued.id));
    worker.stop();
    let counts = over(&worker);
    assert_eq!((counts.retried, counts.failed), (2, 1));
    let row = bench.row(queued.id);
    assert_eq!((row.attempt, row.exit_code, row.owner), (3, Some(3), None));
    assert_eq!(bench.ledger.attempts(queued.id).unwrap().len(), 2);
    assert_eq!(lines(&file).len(), 3);
}

#[test]
fn what_is_due_later_starts_then_and_not_before() {
    let bench = Bench::new();
    let worker = bench.ledger.worker().start().unwrap();
    let due = |millis| Timestamp::now().saturating_add(TimeDelta::milliseconds(millis));
    let queued = [700, 300, 500].map(|millis| {
        let command = bench.ledger.command("true").due_at(due(millis));
        command.create().unwrap()
    });
    for process in &queued {
        wait_until("it has run", || bench.has_ended(process.id));
        let started = bench.row(process.id).started_at.unwrap();
        // A start time is told in clock ticks.
        let tick = TimeDelta::milliseconds(10);
        assert!(started.saturating_add(tick) >= process.retry_at.unwrap());
    }
    worker.stop();
    assert_eq!(over(&worker).succeeded, 3);
}

#[test]
fn what_cannot_be_started_says_why_and_the_rest_goes_on() {
    let bench = Bench::new();
    let ledger = &bench.ledger;
    let gone = bench.path("gone");
    fs::create_dir(&gone).unwrap();
    let missing = ledger.command("/nonexistent/program").create().unwrap();
    let nowhere = ledger.command("true").current_dir(&gone).create().unwrap();
    let secret = ledger
        .command("true")
        .env("API_KEY", "hunter2")
        .create()
        .unwrap();
    let fine = ledger.command("true").create().unwrap();
    fs::remove_dir(&gone).unwrap();
    let secrets = ledger.data_dir().unwrap().join("secrets");
    fs::remove_dir_all(secrets).unwrap();

    let counts = ledger.worker().jobs(1).once().run().unwrap();
    assert_eq!((counts.succeeded, counts.failed), (1, 3));
    for (id, code, reason) in [
        (missing.id, 127, "/nonexistent/program"),
        (nowhere.id, 126, "gone"),
        (secret.id, 126, "API_KEY"),
    ] {
        let row = bench.row(id);
        assert_eq!(row.outcome, Some(Outcome::SpawnFailed), "{row:?}");
        assert_eq!(row.exit_code, Some(code), "{row:?}");
        assert!(row.stderr.contains(reason), "{row:?}");
        assert!(!row.stderr.contains("hunter2"), "{row:?}");
    }
    assert_eq!(bench.row(fine.id).exit_code, Some(0));
}

#[test]
fn dropped_it_goes_on_for_as_long_as_the_ledger_is_open() {
    let bench = Bench::new();
    drop(bench.ledger.worker().start().unwrap());
    let queued = sh(&bench.ledger, "exit 4").create().unwrap();
    wait_until("it has run", || bench.has_ended(queued.id));
    assert_eq!(bench.row(queued.id).exit_code, Some(4));
}

#[test]
fn with_the_ledger_it_ends_and_what_runs_goes_on() {
    let bench = Bench::new();
    let (begun, go) = (bench.path("begun"), bench.path("go"));
    let queue = || sh(&bench.ledger, &until(&begun, &go)).create().unwrap();
    let (running, waiting) = (queue(), queue());
    let other = bench.again();
    let closed = thread::spawn(move || {
        let worker = other.worker().jobs(1).start().unwrap();
        let mut counts = worker.counts();
        while counts.running == 0 {
            counts = worker.wait_changed(&counts).unwrap();
        }
        drop((other, worker));
    });
    closed.join().unwrap();
    wait_until("it runs on", || lines(&begun).len() == 1);
    let row = bench.row(running.id);
    assert_eq!((row.status, row.detached), (ProcessStatus::Running, true));
    let row = bench.row(waiting.id);
    assert_eq!((row.status, row.owner), (ProcessStatus::Queued, None));
    fs::write(&go, "").unwrap();
    let ended = bench.ledger.wait(running.id, Some(LIMIT)).unwrap().unwrap();
    assert_eq!(ended.exit_code, Some(7));
    assert_eq!(lines(&begun).len(), 1);
}

/// Has somebody take on processes for an hour.
fn claim(bench: &Bench, ids: &[ProcessId], owner: &Owner) {
    let path = bench.path("data/ledger.sqlite3");
    let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
    let now = Timestamp::now();
    for id in ids {
        let change = Change::ChangeProcess {
            id: *id,
            change: ProcessChange::Claimed {
                owner: owner.id(),
                lease_until: now.saturating_add(TimeDelta::hours(1)),
            },
            owner: None,
        };
        assert!(store.submit(now, vec![change]).wait().unwrap().is_applied());
    }
}

fn owner(bench: &Bench) -> Owner {
    Owner::register(&bench.path("data/owners")).unwrap()
}

#[test]
fn what_a_dead_worker_had_taken_on_is_run_at_once() {
    let bench = Bench::new();
    let file = bench.path("ran");
    let commands = (0..5).map(|_| sh(&bench.ledger, &line(&file, "x")));
    let queued = bench.ledger.submit(commands).unwrap();
    let ids: Vec<_> = queued.iter().map(|process| process.id).collect();
    let dead = owner(&bench);
    claim(&bench, &ids, &dead);
    drop(dead);
    let counts = bench.ledger.worker().once().run().unwrap();
    assert_eq!(counts.succeeded, 5);
    assert_eq!(lines(&file).len(), 5);
}

#[test]
fn what_a_living_worker_has_taken_on_is_left_to_it_until_it_dies() {
    let bench = Bench::new();
    let file = bench.path("ran");
    let queued = sh(&bench.ledger, &line(&file, "x")).create().unwrap();
    let other = owner(&bench);
    claim(&bench, &[queued.id], &other);
    let counts = bench.ledger.worker().once().run().unwrap();
    assert_eq!(counts, WorkCounts::default());
    assert_eq!(bench.row(queued.id).owner, Some(other.id()));

    let worker = bench.ledger.worker().start().unwrap();
    drop(other);
    wait_until("it has run", || bench.has_ended(queued.id));
    worker.stop();
    assert_eq!(over(&worker).succeeded, 1);
    assert_eq!(lines(&file).len(), 1);
}

#[test]
fn what_is_launched_by_hand_beside_it_is_not_its_work() {
    let bench = Bench::new();
    let worker = bench.ledger.worker().jobs(1).start().unwrap();
    let running = bench.ledger.command("sleep").arg("60").launch().unwrap();
    let queued = bench.ledger.command("true").create().unwrap();
    wait_until("it has run, though there is one slot", || {
        bench.has_ended(queued.id)
    });
    worker.stop();
    assert_eq!(over(&worker).left, 0);
    running.stop(Signal::KILL, None);
    let ended = running.wait_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(ended.unwrap().outcome, Some(Outcome::Killed));
}

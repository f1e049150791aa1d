//! The clock on the wall is set while there is work, forward and backward.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hostledger_engine::port::Clock as _;
use hostledger_engine::{Progress, StoreBook, StoreQueue, WorkWatch};
use hostledger_model::{
    CommandLine, Machine, MachineFacts, Outcome, OwnerId, Process, ProcessDraft, ProcessId,
    ProcessStatus, SecretWords, Termination, Timestamp,
};
use hostledger_store::{Change, OpenOptions, SqliteStore, Store};

use crate::bench::{Bench, HandClock, LIMIT, end};
use crate::work_bench::{over, plan, wait_counts};

const HOUR: Duration = Duration::from_secs(3600);

/// One hour forward, and one hour back.
fn steps() -> [TimeDelta; 2] {
    [TimeDelta::hours(1), TimeDelta::hours(-1)]
}

/// A worker on a real database, with programs and clocks in a test's hands.
struct Worker {
    _directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    machine: Machine,
    clock: HandClock,
    bench: Bench,
}

impl Worker {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.sqlite3");
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&path, &OpenOptions::default()).unwrap());
        let clock = HandClock::default();
        let machine = Machine::new(MachineFacts::default(), clock.now());
        write(&*store, Change::InsertMachine(Box::new(machine.clone())));
        let book = StoreBook::new(Arc::clone(&store), directory.path().to_owned());
        let its = clock.clone();
        let ours = (machine.id, OwnerId::generate());
        let now = Box::new(move || its.now());
        let bench = Bench::with(ours, |_| Box::new(book), Box::new(clock.clone()), now);
        Self {
            _directory: directory,
            store,
            machine,
            clock,
            bench,
        }
    }

    /// Queues a program that runs until it is told to end.
    fn queue(&self, due_in: Duration, timeout_ms: Option<u64>) -> ProcessId {
        let command = CommandLine::new(vec![b"slow".to_vec()]).unwrap();
        let mut draft = ProcessDraft::new(self.machine.id, command, b"/".to_vec());
        let due_in = TimeDelta::from_std(due_in).unwrap();
        draft.due_at = Some(self.clock.now().saturating_add(due_in));
        draft.timeout_ms = timeout_ms;
        let made = draft.into_process(&SecretWords::default(), self.clock.now());
        let process = made.unwrap().0;
        let id = process.id;
        write(&*self.store, Change::InsertProcess(Box::new(process)));
        id
    }

    fn work(&self, jobs: usize) -> Arc<WorkWatch> {
        let (machine, owner) = (self.bench.machine, self.bench.owner);
        let queue = StoreQueue::open(Arc::clone(&self.store), machine, owner).unwrap();
        self.bench.engine.work(plan(queue, jobs)).unwrap()
    }

    fn row(&self, id: ProcessId) -> Process {
        self.store.process(id).unwrap().unwrap()
    }

    fn spawned(&self) -> Vec<ProcessId> {
        self.bench.world.spawned.lock().unwrap().clone()
    }

    #[track_caller]
    fn wait_until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT.unwrap();
        while !condition(self) {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn wait_running(&self, id: ProcessId) {
        self.wait_until("it runs", |it| it.row(id).status == ProcessStatus::Running);
    }

    fn end(&self, id: ProcessId) {
        self.wait_running(id);
        let (world, ready) = (&self.bench.world, &self.bench.ready);
        end(world, ready, id, Termination::Exited(0));
        self.wait_until("it has ended", |it| {
            it.row(id).status == ProcessStatus::Exited
        });
    }

    /// Ends what was started as the one of this number.
    fn end_next(&self, number: usize) {
        self.wait_until("it is started", |it| it.spawned().len() >= number);
        self.end(self.spawned()[number - 1]);
    }

    /// Lets time pass, as the worker notices.
    fn pass(&self, span: Duration) {
        self.clock.advance(span);
        self.bench.come_round();
    }
}

fn write(store: &dyn Store, change: Change) {
    let written = store.submit(Timestamp::now(), vec![change]);
    assert!(written.wait().unwrap().is_applied());
}

#[test]
fn what_was_claimed_ahead_is_started_once_though_its_lease_is_over_by_the_clock() {
    for step in steps() {
        let worker = Worker::new();
        let ids: Vec<_> = (0..9)
            .map(|_| worker.queue(Duration::ZERO, Some(1000)))
            .collect();
        let watch = worker.work(1);
        worker.end_next(1);
        worker.wait_until("all are claimed", |it| {
            let ours = |id: &ProcessId| it.row(*id).owner == Some(it.bench.owner);
            ids.iter().filter(|id| ours(id)).count() == 8
        });
        worker.clock.step(step);
        for number in 2..=9 {
            worker.end_next(number);
        }
        let mut spawned = worker.spawned();
        assert_eq!(spawned.len(), 9, "{step}");
        spawned.sort_unstable();
        spawned.dedup();
        assert_eq!(spawned.len(), 9, "each once");
        wait_counts(&watch, |counts| counts.succeeded == 9);
        worker
            .bench
            .engine
            .end_work(hostledger_engine::AtEnd::Leave);
        over(&watch);
    }
}

#[test]
fn what_is_due_later_is_started_as_soon_as_the_clock_says_so() {
    let worker = Worker::new();
    let watch = worker.work(1);
    let id = worker.queue(HOUR, None);
    worker.bench.come_round();
    assert_eq!(worker.spawned(), []);
    // Nothing but the step wakes it.
    worker.clock.step(TimeDelta::hours(1));
    worker.wait_running(id);
    worker.end(id);
    wait_counts(&watch, |counts| counts.succeeded == 1);
}

#[test]
fn what_is_due_later_waits_for_as_long_as_the_clock_was_set_back() {
    let worker = Worker::new();
    let _watch = worker.work(1);
    let id = worker.queue(HOUR, None);
    worker.bench.come_round();
    worker.clock.step(TimeDelta::hours(-1));
    worker.pass(HOUR);
    assert_eq!(worker.spawned(), []);
    worker.pass(HOUR);
    worker.wait_running(id);
    worker.end(id);
}

#[test]
fn what_is_queued_while_the_clock_is_set_back_is_not_lost() {
    let worker = Worker::new();
    let watch = worker.work(1);
    let running = worker.queue(Duration::ZERO, None);
    worker.wait_running(running);
    let waiting = worker.queue(Duration::ZERO, None);
    worker.clock.step(TimeDelta::hours(-1));
    worker.end(running);
    worker.pass(HOUR);
    worker.end(waiting);
    assert_eq!(worker.spawned(), [running, waiting]);
    wait_counts(&watch, |counts| counts.succeeded == 2);
}

#[test]
fn a_timeout_is_neither_early_nor_late() {
    for step in steps() {
        let worker = Worker::new();
        let _watch = worker.work(1);
        let id = worker.queue(Duration::ZERO, Some(60_000));
        worker.wait_running(id);
        worker.pass(Duration::from_secs(10));
        worker.clock.step(step);
        worker.pass(Duration::from_millis(49_999));
        assert_eq!(worker.row(id).stop, None, "{step}");
        worker.pass(Duration::from_millis(1));
        worker.bench.world.wait_told("signal 15");
        worker.clock.step(-step);
        worker.pass(Duration::from_millis(4_999));
        assert!(!worker.bench.world.told().contains(&"signal 9".to_owned()));
        worker.pass(Duration::from_millis(1));
        worker.bench.world.wait_told("signal 9");
        worker.wait_until("it has ended", |it| {
            it.row(id).outcome == Some(Outcome::TimedOut)
        });
    }
}

#[test]
fn a_timeout_counts_from_the_start_though_the_clock_is_set_before_that_is_written() {
    for step in steps() {
        let clock = HandClock::default();
        let bench = Bench::with_clock(&clock);
        bench.world.hold();
        let (mut process, order) = bench.process("slow");
        process.timeout_ms = Some(60_000);
        let watch = bench.engine.launch(process, order);
        bench.world.wait_told("held started");
        clock.step(step);
        clock.advance(Duration::from_secs(10));
        bench.world.answer_held();
        assert!(matches!(watch.wait_started(), Progress::Running(_)));
        clock.advance(Duration::from_millis(49_999));
        bench.come_round();
        assert!(
            !bench.world.told().contains(&"signal 15".to_owned()),
            "{step}"
        );
        clock.advance(Duration::from_millis(1));
        bench.come_round();
        bench.world.wait_told("signal 15");
    }
}

#[test]
fn the_grace_of_a_stop_is_as_long_as_was_asked_though_the_clock_is_set_meanwhile() {
    for step in steps() {
        let clock = HandClock::default();
        let bench = Bench::with_clock(&clock);
        bench.world.hold();
        let (process, order) = bench.process("slow");
        let id = process.id;
        let watch = bench.engine.launch(process, order);
        bench.world.wait_told("held started");
        let request = bench.request();
        clock.step(step);
        bench.engine.stop(id, request, Some(TimeDelta::seconds(7)));
        bench.come_round();
        bench.world.answer_held();
        assert!(matches!(watch.wait_started(), Progress::Running(_)));
        bench.world.wait_told("kill due in 7 s");
    }
}

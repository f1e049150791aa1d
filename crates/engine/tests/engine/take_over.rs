//! What dead owners have left, with a real ledger and real processes.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hostledger_engine::{AtEnd, Bystander, Owner, Progress, TakeOver};
use hostledger_model::{
    CommandLine, Machine, MachineFacts, Outcome, OwnerId, Pid, Process, ProcessDraft,
    ProcessStatus, SecretWords, Timestamp,
};
use hostledger_process::PidSpace;
use hostledger_store::{Change, OpenOptions, SqliteStore, Store};

use crate::bench::Bench;
use crate::work_bench::over;

const LIMIT: Duration = Duration::from_secs(30);

struct Ledger {
    directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    machine: Machine,
}

impl Ledger {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["owners", "keepers"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let path = directory.path().join("ledger.sqlite3");
        let store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
        let machine = Machine::new(MachineFacts::default(), Timestamp::now());
        let ledger = Self {
            directory,
            store: Arc::new(store),
            machine,
        };
        ledger.write(Change::InsertMachine(Box::new(ledger.machine.clone())));
        ledger
    }

    fn write(&self, change: Change) {
        let written = self.store.submit(Timestamp::now(), vec![change]);
        assert!(written.wait().unwrap().is_applied());
    }

    /// A process that somebody has taken on, as `change` makes it.
    fn process(&self, owner: OwnerId, change: impl FnOnce(&mut Process)) -> Process {
        let command = CommandLine::new(vec![b"sleep".to_vec(), b"60".to_vec()]).unwrap();
        let draft = ProcessDraft::new(self.machine.id, command, b"/".to_vec());
        let words = SecretWords::default();
        let (mut process, _) = draft.into_process(&words, Timestamp::now()).unwrap();
        process.owner = Some(owner);
        process.modified_at = Timestamp::now();
        process.retry_at = Some(Timestamp::now().saturating_add(chrono::TimeDelta::hours(1)));
        change(&mut process);
        self.write(Change::InsertProcess(Box::new(process.clone())));
        process
    }

    /// One that runs.
    fn running(&self, owner: OwnerId, child: &Child, timeout_ms: Option<u64>) -> Process {
        let pid = Pid::new(child.id().cast_signed()).unwrap();
        let (identity, _) = PidSpace::current().unwrap().identify(pid).unwrap();
        self.process(owner, |process| {
            process.status = ProcessStatus::Running;
            process.timeout_ms = timeout_ms;
            process.pid = Some(pid);
            process.identity = Some(identity);
            process.started_at = Some(Timestamp::now());
        })
    }

    fn owners(&self) -> std::path::PathBuf {
        self.directory.path().join("owners")
    }

    fn take_over(&self, own: OwnerId) -> TakeOver {
        TakeOver::start(self.bystander(), own, || ()).unwrap()
    }

    fn bystander(&self) -> Bystander {
        let data_dir: &Path = self.directory.path();
        Bystander {
            store: Arc::clone(&self.store),
            owners: self.owners(),
            keepers: data_dir.join("keepers"),
            data_dir: data_dir.to_owned(),
            home: Some(data_dir.to_owned()),
            machine: self.machine.id,
            space: PidSpace::current().unwrap().clone(),
        }
    }

    fn row(&self, process: &Process) -> Process {
        self.store.process(process.id).unwrap().unwrap()
    }

    fn wait(&self, process: &Process, mut until: impl FnMut(&Process) -> bool) -> Process {
        let deadline = Instant::now() + LIMIT;
        loop {
            let row = self.row(process);
            if until(&row) {
                return row;
            }
            assert!(Instant::now() < deadline, "it stays {row:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn wait_idle(take_over: &TakeOver) {
    let deadline = Instant::now() + LIMIT;
    while take_over.is_busy() {
        assert!(Instant::now() < deadline, "it goes on and on");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// One that only SIGKILL ends, and whose time is up at once.
fn stubborn(ledger: &Ledger) -> (Child, Process) {
    let ready = ledger.directory.path().join("ready");
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has nothing to record about its own programs"
    )]
    let mut command = Command::new("sh");
    let script = "trap '' TERM; touch \"$0\"; while :; do sleep 0.1; done";
    let child = command.args(["-c", script]).arg(&ready).spawn().unwrap();
    let deadline = Instant::now() + LIMIT;
    while !ready.exists() {
        assert!(Instant::now() < deadline, "it does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    let process = ledger.running(OwnerId::generate(), &child, Some(1));
    (child, process)
}

fn sleeper() -> Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has nothing to record about its own programs"
    )]
    Command::new("sleep").arg("60").spawn().unwrap()
}

#[test]
fn one_of_whom_nothing_can_be_known_keeps_none_of_the_others_and_is_asked_for_again() {
    let ledger = Ledger::new();
    let own = Owner::register(&ledger.owners()).unwrap();
    let created_before = |process: &mut Process| {
        process.created_at = Timestamp::now().saturating_add(chrono::TimeDelta::seconds(-9));
    };
    let mut dead = [OwnerId::generate(), OwnerId::generate()];
    dead.sort_by_key(|owner| owner.simple());
    let [of_one, of_other] = dead.map(|owner| ledger.process(owner, created_before));
    // Its lock cannot be opened: it is a link to itself.
    let lock = ledger.owners().join(format!("{}.lock", dead[0].simple()));
    std::os::unix::fs::symlink(&lock, &lock).unwrap();

    let take_over = ledger.take_over(own.id());
    ledger.wait(&of_other, |row| row.owner.is_none());
    assert_eq!(ledger.row(&of_one).owner, Some(dead[0]));
    assert!(take_over.is_busy());
    std::fs::remove_file(&lock).unwrap();
    ledger.wait(&of_one, |row| row.owner.is_none());
    wait_idle(&take_over);
}

#[test]
fn what_the_dead_have_not_started_is_due_again_and_what_the_living_have_is_theirs() {
    let ledger = Ledger::new();
    let own = Owner::register(&ledger.owners()).unwrap();
    let other = Owner::register(&ledger.owners()).unwrap();
    // Claimed after it was made: the row of a `run` that was never started is nobody else's.
    let created_before = |process: &mut Process| {
        process.created_at = Timestamp::now().saturating_add(chrono::TimeDelta::seconds(-9));
    };
    let of_dead = ledger.process(OwnerId::generate(), created_before);
    let of_other = ledger.process(other.id(), created_before);
    let ours = ledger.process(own.id(), created_before);

    let take_over = ledger.take_over(own.id());
    let due = ledger.wait(&of_dead, |row| row.owner.is_none());
    assert_eq!(due.status, ProcessStatus::Queued);
    assert_eq!(due.retry_at, Some(of_dead.created_at), "in its old place");
    wait_idle(&take_over);
    assert_eq!(ledger.row(&of_other).owner, Some(other.id()));
    assert_eq!(ledger.row(&ours).owner, Some(own.id()));

    drop(other);
    ledger.wait(&of_other, |row| row.owner.is_none());
}

#[test]
fn what_runs_on_is_waited_for_and_settled_when_it_ends() {
    let ledger = Ledger::new();
    let own = Owner::register(&ledger.owners()).unwrap();
    let mut child = sleeper();
    let process = ledger.running(OwnerId::generate(), &child, None);
    let take_over = ledger.take_over(own.id());
    assert!(take_over.is_busy(), "it waits for it");
    child.kill().unwrap();
    child.wait().unwrap();
    let row = ledger.wait(&process, |row| row.status == ProcessStatus::Exited);
    // Which of the two depends on the kernel (6.15 tells those who are not the parent).
    let ends = [Some(Outcome::Lost), Some(Outcome::Signaled)];
    assert!(ends.contains(&row.outcome), "{row:?}");
    wait_idle(&take_over);
}

#[test]
fn a_loop_whose_work_is_over_does_not_wait_until_its_heir_has_stopped_what_it_stops() {
    let ledger = Ledger::new();
    let (mut child, process) = stubborn(&ledger);
    let bench = Bench::new();
    let (desk, watch, _bell) = bench.work(1, |plan| plan.heir = Some(ledger.bystander()));
    desk.give([]);
    // That is stored before it is told to end, and after that there is a grace.
    ledger.wait(&process, |row| row.stop.is_some());
    bench.engine.end_work(AtEnd::Leave);
    over(&watch);
    let (next, order) = bench.process("slow");
    let watch = bench.engine.launch(next, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    assert_eq!(child.try_wait().unwrap(), None, "it is still being stopped");
    drop(bench);
    child.kill().unwrap();
    child.wait().unwrap();
}

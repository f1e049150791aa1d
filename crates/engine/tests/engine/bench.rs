//! Fakes of the engine's ports, and what they were told.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hostledger_engine::port::{
    BookError, Clock, LaunchOrder, OutputPlace, ProcessBook, Saved, StdinSource, SystemClock,
    Writing,
};
use hostledger_engine::{Engine, Parts, Progress};
use hostledger_lifecycle::process::{Event, Exit, Output};
use hostledger_model::{
    BootId, CommandLine, LaunchAttributes, MachineId, OwnerId, Pid, PidNamespace, Process,
    ProcessChange, ProcessDraft, ProcessId, ProcessIdentity, ProcessStatus, SecretWords,
    StartTicks, StopRequest, Termination, Timestamp,
};
use rustix::event::{EventfdFlags, eventfd};

use crate::spawner_bench::{FakeSpawner, Turns};

pub(crate) const LIMIT: Option<Duration> = Some(Duration::from_secs(20));

/// What the fakes were told, in order, and what they are to answer.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) told: Mutex<Vec<String>>,
    pub(crate) changed: Condvar,
    pub(crate) held: Mutex<Option<Vec<(ProcessChange, Saved)>>>,
    held_alone: Mutex<Option<&'static str>>,
    pub(crate) refuse: Mutex<Option<Refusal>>,
    pub(crate) events: Mutex<VecDeque<(ProcessId, Event)>>,
    /// The row as others have changed it.
    pub(crate) row: Mutex<Option<Process>>,
    /// What was started, in order.
    pub(crate) spawned: Mutex<Vec<ProcessId>>,
    /// How often the event loop has come round.
    pub(crate) rounds: AtomicU64,
    pub(crate) turns: Mutex<Turns>,
}

pub(crate) struct Refusal {
    change: &'static str,
    answer: Answer,
}

/// What becomes of a change instead of being written.
pub(crate) enum Answer {
    /// Somebody else has the row.
    Refused,
    /// It cannot be written, this many times.
    Error { times: u32 },
}

impl World {
    pub(crate) fn tell(&self, what: impl Into<String>) {
        self.told.lock().unwrap().push(what.into());
        self.changed.notify_all();
    }

    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    pub(crate) fn wait_told(&self, what: &str) {
        let told = self.told.lock().unwrap();
        let missing = |told: &mut Vec<String>| !told.iter().any(|one| one == what);
        let (told, timeout) = self
            .changed
            .wait_timeout_while(told, LIMIT.unwrap(), missing)
            .unwrap();
        assert!(!timeout.timed_out(), "never told {what:?}, only {told:?}");
    }

    /// From now on changes are neither written nor refused until they are answered.
    pub(crate) fn hold(&self) {
        *self.held.lock().unwrap() = Some(Vec::new());
    }

    /// The same of changes of this name alone.
    pub(crate) fn hold_alone(&self, change: &'static str) {
        *self.held_alone.lock().unwrap() = Some(change);
        self.hold();
    }

    /// Has what was held written, and what follows written at once.
    pub(crate) fn answer_held(&self) {
        for (change, saved) in self.held.lock().unwrap().take().unwrap() {
            self.tell(format!("saved {}", name(&change)));
            saved(Ok(true));
        }
    }

    /// Refuses what was held.
    pub(crate) fn refuse_held(&self) {
        for (change, saved) in self.held.lock().unwrap().take().unwrap() {
            self.tell(format!("refused {}", name(&change)));
            saved(Ok(false));
        }
    }
}

pub(crate) fn name(change: &ProcessChange) -> &'static str {
    match change {
        ProcessChange::Claimed { .. } => "claimed",
        ProcessChange::Deferred { .. } => "deferred",
        ProcessChange::Uses { .. } => "uses",
        ProcessChange::Started(_) => "started",
        ProcessChange::StopRequested(_) => "stop",
        ProcessChange::Ended(_) => "ended",
        ProcessChange::Requeued(_) => "requeued",
        ProcessChange::Detached => "detached",
    }
}

pub(crate) struct FakeBook(Arc<World>);

impl ProcessBook for FakeBook {
    fn save(&self, _: &Process, mut writing: Writing, saved: Saved) {
        if let Some(succeeded) = writing.counts {
            self.0.tell(format!("counts {succeeded}"));
        }
        // Where there are several, all depends on the last.
        let change = writing.changes.pop().unwrap();
        for before in &writing.changes {
            self.0.tell(format!("with {}", name(before)));
        }
        let holds = match *self.0.held_alone.lock().unwrap() {
            Some(alone) => alone == name(&change),
            None => true,
        };
        if let Some(held) = self.0.held.lock().unwrap().as_mut().filter(|_| holds) {
            self.0.tell(format!("held {}", name(&change)));
            held.push((change, saved));
            return;
        }
        let mut refusal = self.0.refuse.lock().unwrap();
        let refusal = refusal
            .as_mut()
            .filter(|refusal| refusal.change == name(&change));
        match refusal.map(|refusal| &mut refusal.answer) {
            Some(Answer::Error { times }) if *times > 0 => {
                *times -= 1;
                self.0.tell(format!("failed {}", name(&change)));
                saved(Err(Arc::new(io::Error::other("disk full"))));
            }
            Some(Answer::Refused) => saved(Ok(false)),
            Some(Answer::Error { .. }) | None => {
                self.0.tell(format!("saved {}", name(&change)));
                saved(Ok(true));
            }
        }
    }

    fn read(&self, _: ProcessId) -> Result<Option<Process>, BookError> {
        let row = self.0.row.lock().unwrap().clone();
        *self.0.refuse.lock().unwrap() = None;
        Ok(row)
    }

    fn opened(&self, process: &Process) {
        assert_eq!(process.status, ProcessStatus::Running);
    }

    fn closed(&self, process: &Process) {
        assert_ne!(process.status, ProcessStatus::Running);
    }
}

pub(crate) fn end(world: &World, ready: &OwnedFd, id: ProcessId, termination: Termination) {
    let event = Event::Exited(Exit {
        at: Timestamp::now(),
        termination,
        usage: None,
        output: Output::default(),
        stopped: None,
    });
    world.events.lock().unwrap().push_back((id, event));
    raise(ready);
}

pub(crate) fn exit(code: u8) -> Event {
    let termination = Termination::Exited(code);
    Event::Exited(Exit {
        at: Timestamp::now(),
        termination,
        usage: None,
        output: Output::default(),
        stopped: None,
    })
}

pub(crate) fn identity() -> ProcessIdentity {
    ProcessIdentity {
        boot_id: BootId("b".to_owned()),
        pid_namespace: PidNamespace(1),
        pid: Pid::new(4711).unwrap(),
        start_ticks: StartTicks(5),
        pidfd_inode: None,
    }
}

pub(crate) struct Bench {
    pub(crate) world: Arc<World>,
    pub(crate) ready: Arc<OwnedFd>,
    pub(crate) machine: MachineId,
    pub(crate) owner: OwnerId,
    /// Goes before the engine does.
    _release: Release,
    pub(crate) engine: Engine,
}

/// Clocks that go on, and are set, when they are told to.
#[derive(Clone)]
pub(crate) struct HandClock {
    time: Arc<Mutex<(Timestamp, Duration)>>,
    steps: Arc<OwnedFd>,
}

impl Default for HandClock {
    fn default() -> Self {
        Self {
            time: Arc::new(Mutex::new((Timestamp::now(), Duration::ZERO))),
            steps: Arc::new(flag()),
        }
    }
}

impl HandClock {
    pub(crate) fn advance(&self, by: Duration) {
        let mut time = self.time.lock().unwrap();
        time.0 = time.0.saturating_add(TimeDelta::from_std(by).unwrap());
        time.1 += by;
    }

    /// Sets the clock on the wall, and tells that it was set.
    pub(crate) fn step(&self, by: TimeDelta) {
        let mut time = self.time.lock().unwrap();
        time.0 = time.0.saturating_add(by);
        raise(&self.steps);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        self.time.lock().unwrap().0
    }

    fn elapsed(&self) -> Duration {
        self.time.lock().unwrap().1
    }

    fn steps(&self) -> Option<BorrowedFd<'_>> {
        Some(self.steps.as_fd())
    }

    fn take_steps(&self) {
        // EAGAIN: it was not set.
        let _ = rustix::io::read(&*self.steps, &mut [0; 8]);
    }
}

pub(crate) fn flag() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap()
}

pub(crate) fn raise(flag: &OwnedFd) {
    rustix::io::write(flag, &1u64.to_ne_bytes()).unwrap();
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::of(SystemClock::start(), Timestamp::now)
    }

    pub(crate) fn with_clock(clock: &HandClock) -> Self {
        let its = clock.clone();
        Self::of(clock.clone(), move || its.now())
    }

    fn of(clock: impl Clock + 'static, now: impl Fn() -> Timestamp + Send + 'static) -> Self {
        let book = |world: &Arc<World>| Box::new(FakeBook(Arc::clone(world))) as Box<_>;
        let ours = (MachineId::generate(), OwnerId::generate());
        Self::with(ours, book, Box::new(clock), Box::new(now))
    }

    /// One that writes elsewhere.
    pub(crate) fn with(
        (machine, owner): (MachineId, OwnerId),
        book: impl FnOnce(&Arc<World>) -> Box<dyn ProcessBook>,
        clock: Box<dyn Clock>,
        now: Box<dyn Fn() -> Timestamp + Send>,
    ) -> Self {
        let world = Arc::new(World::default());
        let ready = Arc::new(flag());
        let spawner = FakeSpawner {
            world: Arc::clone(&world),
            ready: Arc::clone(&ready),
            now,
        };
        let engine = Engine::start(Parts {
            book: book(&world),
            spawner: Box::new(spawner),
            clock,
            machine,
            owner,
        });
        Self {
            _release: Release(Arc::clone(&world)),
            world,
            ready,
            machine,
            owner,
            engine: engine.unwrap(),
        }
    }

    /// Has the event loop come round, twice, so that all that it can do is done.
    pub(crate) fn come_round(&self) {
        for _ in 0..2 {
            let before = self.world.rounds.load(Ordering::SeqCst);
            raise(&self.ready);
            let deadline = Instant::now() + LIMIT.unwrap();
            while self.world.rounds.load(Ordering::SeqCst) == before {
                assert!(Instant::now() < deadline, "the event loop stands still");
                thread::yield_now();
            }
        }
    }

    pub(crate) fn process(&self, program: &str) -> (Process, LaunchOrder) {
        let command = CommandLine::new(vec![program.into()]).unwrap();
        let draft = ProcessDraft::new(self.machine, command, b"/".to_vec());
        let (process, _) = draft
            .into_process(&SecretWords::default(), Timestamp::now())
            .unwrap();
        let order = LaunchOrder {
            command: vec![program.into()],
            working_directory: PathBuf::from("/"),
            environment: Vec::new(),
            attributes: LaunchAttributes::default(),
            stdin: StdinSource::Null,
            output: OutputPlace::Terminal,
        };
        (process, order)
    }

    /// Has changes of this name answered otherwise.
    pub(crate) fn refuse(&self, change: &'static str, answer: Answer) {
        *self.world.refuse.lock().unwrap() = Some(Refusal { change, answer });
    }

    pub(crate) fn request(&self) -> StopRequest {
        StopRequest {
            at: Timestamp::now(),
            by: "a test".to_owned(),
            signal: 15,
        }
    }
}

/// Has what is held written in the end, as the engine waits for that.
struct Release(Arc<World>);

impl Drop for Release {
    fn drop(&mut self) {
        let held = self.0.held.lock().ok().and_then(|mut held| held.take());
        for (_, saved) in held.into_iter().flatten() {
            saved(Ok(true));
        }
    }
}

pub(crate) fn ended(progress: Option<Progress>) -> Process {
    match progress {
        Some(Progress::Ended(process)) => *process,
        other => panic!("{other:?}"),
    }
}

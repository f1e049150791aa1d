//! Fakes of the engine's ports, and what they were told.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use hostledger_engine::port::{
    BookError, Clock, LaunchOrder, OutputPlace, ProcessBook, Saved, SignalFailed, Spawner,
    StdinSource, SystemClock,
};
use hostledger_engine::{Engine, Parts, Progress};
use hostledger_lifecycle::process::{Event, Exit, Output};
use hostledger_model::{
    BootId, CommandLine, KillMode, LaunchAttributes, LogPlace, MachineId, OwnerId, Pid,
    PidNamespace, Process, ProcessChange, ProcessDraft, ProcessId, ProcessIdentity, ProcessStatus,
    SecretWords, StartTicks, StopRequest, Termination, Timestamp,
};
use rustix::event::{EventfdFlags, eventfd};

pub(crate) const LIMIT: Option<Duration> = Some(Duration::from_secs(20));

/// What the fakes were told, in order, and what they are to answer.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) told: Mutex<Vec<String>>,
    pub(crate) changed: Condvar,
    pub(crate) held: Mutex<Option<Vec<(ProcessChange, Saved)>>>,
    pub(crate) refuse: Mutex<Option<Refusal>>,
    pub(crate) events: Mutex<VecDeque<(ProcessId, Event)>>,
    /// The row as others have changed it.
    pub(crate) row: Mutex<Option<Process>>,
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
    fn save(&self, _: ProcessId, _: OwnerId, change: ProcessChange, _: Timestamp, saved: Saved) {
        if let Some(held) = self.0.held.lock().unwrap().as_mut() {
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

    fn count_use(&self, _: &Process, succeeded: bool, _: Timestamp) {
        self.0.tell(format!("counted {succeeded}"));
    }

    fn opened(&self, process: &Process) {
        assert_eq!(process.status, ProcessStatus::Running);
    }

    fn closed(&self, process: &Process) {
        assert_ne!(process.status, ProcessStatus::Running);
    }
}

pub(crate) struct FakeSpawner {
    pub(crate) world: Arc<World>,
    pub(crate) ready: Arc<OwnedFd>,
}

impl Spawner for FakeSpawner {
    fn spawn(&mut self, process: &Process, order: &LaunchOrder) {
        let id = process.id;
        self.world.tell("spawned");
        let program = order.command[0].to_str().unwrap();
        let event = match program {
            "missing" => Event::SpawnFailed {
                exit_code: 127,
                reason: "no such program".to_owned(),
            },
            _ => Event::Spawned {
                identity: identity(),
                started_at: Timestamp::now(),
                log: LogPlace::Terminal,
            },
        };
        let mut events = self.world.events.lock().unwrap();
        events.push_back((id, event));
        if program == "quick" {
            events.push_back((id, exit(0)));
        }
    }

    fn signal(&mut self, id: ProcessId, signal: i32, _: KillMode) -> Result<(), SignalFailed> {
        self.world.tell(format!("signal {signal}"));
        if signal == 9 {
            end(&self.world, &self.ready, id, Termination::Signaled(9));
        }
        Ok(())
    }

    fn readiness(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }

    fn take_events(&mut self) -> Vec<(ProcessId, Event)> {
        // EAGAIN: nothing was raised since.
        let _ = rustix::io::read(&*self.ready, &mut [0; 8]);
        self.world.events.lock().unwrap().drain(..).collect()
    }

    fn escalate(&mut self, _: ProcessId, kill_after: Duration) {
        let seconds = kill_after.as_secs_f64().round();
        self.world.tell(format!("kill due in {seconds} s"));
    }

    fn release(&mut self, _: ProcessId, end_rest: Option<KillMode>) {
        self.world.tell(if end_rest.is_some() {
            "released with the rest"
        } else {
            "released"
        });
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
    rustix::io::write(ready, &1u64.to_ne_bytes()).unwrap();
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
    pub(crate) engine: Engine,
}

/// A clock for waiting that goes on when it is told to.
#[derive(Clone, Default)]
pub(crate) struct HandClock(Arc<Mutex<Duration>>);

impl HandClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with_clock(SystemClock::start())
    }

    pub(crate) fn with_clock(clock: impl Clock + 'static) -> Self {
        let world = Arc::new(World::default());
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let ready = Arc::new(eventfd(0, flags).unwrap());
        let (machine, owner) = (MachineId::generate(), OwnerId::generate());
        let spawner = FakeSpawner {
            world: Arc::clone(&world),
            ready: Arc::clone(&ready),
        };
        let engine = Engine::start(Parts {
            book: Box::new(FakeBook(Arc::clone(&world))),
            spawner: Box::new(spawner),
            clock: Box::new(clock),
            machine,
            owner,
        });
        Self {
            world,
            ready,
            machine,
            owner,
            engine: engine.unwrap(),
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

pub(crate) fn ended(progress: Option<Progress>) -> Process {
    match progress {
        Some(Progress::Ended(process)) => *process,
        other => panic!("{other:?}"),
    }
}

//! The event loop against fakes of its ports: what it does, and in which order.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot be set up fails loudly"
)]

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use hostledger_engine::port::{
    BookError, LaunchOrder, OutputPlace, ProcessBook, Saved, SignalFailed, Spawner, StdinSource,
    SystemClock,
};
use hostledger_engine::{Engine, NotRecorded, Parts, Progress};
use hostledger_lifecycle::process::{Event, Exit, Output};
use hostledger_model::{
    BootId, CommandLine, KillMode, LaunchAttributes, LogPlace, MachineId, Outcome, OwnerId, Pid,
    PidNamespace, Process, ProcessChange, ProcessDraft, ProcessId, ProcessIdentity, SecretWords,
    StartTicks, StopRequest, Termination, Timestamp,
};
use rustix::event::{EventfdFlags, eventfd};

const LIMIT: Option<Duration> = Some(Duration::from_secs(20));

/// What the fakes were told, in order, and what they are to answer.
#[derive(Default)]
struct World {
    told: Mutex<Vec<String>>,
    changed: Condvar,
    held: Mutex<Option<Vec<(ProcessChange, Saved)>>>,
    refuse: Mutex<Option<Refusal>>,
    events: Mutex<VecDeque<(ProcessId, Event)>>,
    /// The row as others have changed it.
    row: Mutex<Option<Process>>,
}

struct Refusal {
    change: &'static str,
    error: bool,
}

impl World {
    fn tell(&self, what: impl Into<String>) {
        self.told.lock().unwrap().push(what.into());
        self.changed.notify_all();
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn wait_told(&self, what: &str) {
        let told = self.told.lock().unwrap();
        let missing = |told: &mut Vec<String>| !told.iter().any(|one| one == what);
        let (told, timeout) = self
            .changed
            .wait_timeout_while(told, LIMIT.unwrap(), missing)
            .unwrap();
        assert!(!timeout.timed_out(), "never told {what:?}, only {told:?}");
    }

    fn answer_held(&self) {
        for (change, saved) in self.held.lock().unwrap().take().unwrap() {
            self.tell(format!("saved {}", name(&change)));
            saved(Ok(true));
        }
    }
}

fn name(change: &ProcessChange) -> &'static str {
    match change {
        ProcessChange::Claimed { .. } => "claimed",
        ProcessChange::Deferred { .. } => "deferred",
        ProcessChange::Started(_) => "started",
        ProcessChange::StopRequested(_) => "stop",
        ProcessChange::Ended(_) => "ended",
        ProcessChange::Requeued(_) => "requeued",
    }
}

struct FakeBook(Arc<World>);

impl ProcessBook for FakeBook {
    fn save(&self, _: ProcessId, _: OwnerId, change: ProcessChange, _: Timestamp, saved: Saved) {
        if let Some(held) = self.0.held.lock().unwrap().as_mut() {
            held.push((change, saved));
            return;
        }
        let refusal = self.0.refuse.lock().unwrap();
        match refusal
            .as_ref()
            .filter(|refusal| refusal.change == name(&change))
        {
            Some(Refusal { error: true, .. }) => {
                saved(Err(Arc::new(io::Error::other("disk full"))));
            }
            Some(Refusal { error: false, .. }) => saved(Ok(false)),
            None => {
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
}

struct FakeSpawner {
    world: Arc<World>,
    ready: Arc<OwnedFd>,
}

impl Spawner for FakeSpawner {
    fn spawn(&mut self, id: ProcessId, order: &LaunchOrder) {
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

    fn release(&mut self, _: ProcessId) {
        self.world.tell("released");
    }
}

fn end(world: &World, ready: &OwnedFd, id: ProcessId, termination: Termination) {
    let event = Event::Exited(Exit {
        termination,
        usage: None,
        output: Output::default(),
    });
    world.events.lock().unwrap().push_back((id, event));
    rustix::io::write(ready, &1u64.to_ne_bytes()).unwrap();
}

fn exit(code: u8) -> Event {
    let termination = Termination::Exited(code);
    Event::Exited(Exit {
        termination,
        usage: None,
        output: Output::default(),
    })
}

fn identity() -> ProcessIdentity {
    ProcessIdentity {
        boot_id: BootId("b".to_owned()),
        pid_namespace: PidNamespace(1),
        pid: Pid::new(4711).unwrap(),
        start_ticks: StartTicks(5),
        pidfd_inode: None,
    }
}

struct Bench {
    world: Arc<World>,
    ready: Arc<OwnedFd>,
    machine: MachineId,
    owner: OwnerId,
    engine: Engine,
}

impl Bench {
    fn new() -> Self {
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
            clock: Box::new(SystemClock::start()),
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

    fn process(&self, program: &str) -> (Process, LaunchOrder) {
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

    fn request(&self) -> StopRequest {
        StopRequest {
            at: Timestamp::now(),
            by: "a test".to_owned(),
            signal: 15,
        }
    }
}

fn ended(progress: Option<Progress>) -> Process {
    match progress {
        Some(Progress::Ended(process)) => *process,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_process_is_told_to_run_and_to_have_ended_when_that_is_durable() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    let Progress::Running(running) = watch.wait_started() else {
        panic!()
    };
    assert_eq!(running.pid, Pid::new(4711));
    end(&bench.world, &bench.ready, id, Termination::Exited(7));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(7), Some(Outcome::Exited))
    );
    let order = [
        "spawned",
        "saved started",
        "saved ended",
        "counted false",
        "released",
    ];
    assert_eq!(bench.world.told(), order);
}

#[test]
fn the_end_is_written_down_before_the_spawner_may_forget_it() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    *bench.world.held.lock().unwrap() = Some(Vec::new());
    end(&bench.world, &bench.ready, id, Termination::Exited(0));
    assert!(
        watch.wait_ended(Some(Duration::from_millis(50))).is_none(),
        "not durable yet"
    );
    assert!(!bench.world.told().contains(&"released".to_owned()));
    bench.world.answer_held();
    ended(watch.wait_ended(LIMIT));
    bench.world.wait_told("released");
}

#[test]
fn an_exit_that_comes_with_the_start_is_recorded_after_it() {
    let bench = Bench::new();
    let watches: Vec<_> = (0..100)
        .map(|_| {
            let (process, order) = bench.process("quick");
            bench.engine.launch(process, order)
        })
        .collect();
    for watch in watches {
        assert_eq!(ended(watch.wait_ended(LIMIT)).exit_code, Some(0));
    }
    let told = bench.world.told();
    assert_eq!(told.iter().filter(|one| *one == "released").count(), 100);
}

#[test]
fn a_stop_is_stored_before_its_signal_and_a_kill_follows_the_grace() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    *bench.world.held.lock().unwrap() = Some(Vec::new());
    bench
        .engine
        .stop(id, bench.request(), Some(TimeDelta::milliseconds(30)));
    assert!(watch.wait_ended(Some(Duration::from_millis(50))).is_none());
    assert!(
        !bench.world.told().contains(&"signal 15".to_owned()),
        "not stored yet"
    );
    bench.world.answer_held();
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(137), Some(Outcome::Killed))
    );
    let told = bench.world.told();
    let rest = [
        "saved stop",
        "signal 15",
        "signal 9",
        "saved ended",
        "released",
    ];
    assert_eq!(told[2..], rest, "a stop that was asked for is not counted");
}

#[test]
fn a_process_that_ends_in_its_grace_is_not_killed_after_it() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    bench
        .engine
        .stop(id, bench.request(), Some(TimeDelta::milliseconds(30)));
    bench.world.wait_told("signal 15");
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    assert_eq!(ended(watch.wait_ended(LIMIT)).exit_code, Some(143));
    let (second, order) = bench.process("slow");
    let watch = bench.engine.launch(second, order);
    assert!(watch.wait_ended(Some(Duration::from_millis(60))).is_none());
    assert!(!bench.world.told().contains(&"signal 9".to_owned()));
}

#[test]
fn a_timeout_stops_the_process() {
    let bench = Bench::new();
    let (mut process, order) = bench.process("slow");
    process.timeout_ms = Some(20);
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    bench.world.wait_told("signal 15");
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(143), Some(Outcome::TimedOut))
    );
}

#[test]
fn a_program_that_is_missing_has_ended_with_the_reason() {
    let bench = Bench::new();
    let (process, order) = bench.process("missing");
    let watch = bench.engine.launch(process, order);
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(127), Some(Outcome::SpawnFailed))
    );
    assert_eq!(process.stderr, "no such program");
}

#[test]
fn an_end_that_cannot_be_written_is_told_with_its_code_and_not_forgotten() {
    let bench = Bench::new();
    *bench.world.refuse.lock().unwrap() = Some(Refusal {
        change: "ended",
        error: true,
    });
    let (process, order) = bench.process("quick");
    let watch = bench.engine.launch(process, order);
    let Some(Progress::NotRecorded(error)) = watch.wait_ended(LIMIT) else {
        panic!()
    };
    assert!(
        matches!(
            error,
            NotRecorded::Failed {
                exit_code: Some(0),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("exit code 0"), "{error}");
    assert!(!bench.world.told().contains(&"released".to_owned()));
}

#[test]
fn an_end_after_a_stop_that_somebody_else_asked_for_is_a_kill() {
    let bench = Bench::new();
    let (mut process, order) = bench.process("slow");
    process.max_attempts = 3;
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    let Progress::Running(mut row) = watch.wait_started() else {
        panic!()
    };
    row.stop = Some(bench.request());
    row.owner = Some(bench.owner);
    *bench.world.row.lock().unwrap() = Some(*row);
    *bench.world.refuse.lock().unwrap() = Some(Refusal {
        change: "requeued",
        error: false,
    });
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(143), Some(Outcome::Killed))
    );
}

#[test]
fn a_process_whose_start_cannot_be_written_does_not_run_unrecorded() {
    for error in [true, false] {
        let bench = Bench::new();
        *bench.world.refuse.lock().unwrap() = Some(Refusal {
            change: "started",
            error,
        });
        let (process, order) = bench.process("slow");
        let watch = bench.engine.launch(process, order);
        let Progress::NotRecorded(reason) = watch.wait_started() else {
            panic!()
        };
        assert_eq!(matches!(reason, NotRecorded::TakenOver { .. }), !error);
        bench.world.wait_told("signal 9");
    }
}

#[test]
fn a_process_that_cannot_start_here_stays_queued() {
    let bench = Bench::new();
    let (mut process, order) = bench.process("slow");
    process.machine_id = MachineId::generate();
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Queued(_)));
    assert!(!bench.world.told().contains(&"spawned".to_owned()));
}

#[test]
fn closing_waits_for_what_is_being_written_and_leaves_processes_alone() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    *bench.world.held.lock().unwrap() = Some(Vec::new());
    let (second, order) = bench.process("quick");
    bench.engine.launch(second, order);
    let Bench { world, engine, .. } = bench;
    let closing = std::thread::spawn(move || drop(engine));
    assert!(!closing.is_finished());
    while world.held.lock().unwrap().as_ref().unwrap().is_empty() {
        std::thread::yield_now();
    }
    world.answer_held();
    closing.join().unwrap();
    assert!(world.told().contains(&"saved started".to_owned()));
    assert!(!world.told().iter().any(|one| one.starts_with("signal")));
}

//! A process in some state, and the events it can meet.

use chrono::TimeDelta;
use hostledger_lifecycle::process::{Context, Effect, Event, Exit, Output, catch_up, handle};
use hostledger_model::{
    BootId, CommandLine, Ended, KillMode, LogPlace, MachineId, Outcome, OwnerId, Pid, PidNamespace,
    Process, ProcessChange, ProcessDraft, ProcessIdentity, ProcessStatus, SecretWords, StartTicks,
    StopRequest, Termination, Timestamp,
};

pub(crate) const SIGINT: i32 = 2;
pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGTERM: i32 = 15;

pub(crate) fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) struct Bench {
    pub(crate) process: Process,
    pub(crate) machine: MachineId,
    pub(crate) owner: OwnerId,
    pub(crate) keeps: bool,
    pub(crate) now: Timestamp,
}

impl Bench {
    pub(crate) fn new(status: ProcessStatus) -> Self {
        let machine = MachineId::generate();
        let command = CommandLine::new(vec![b"true".to_vec()]).unwrap();
        let draft = ProcessDraft::new(machine, command, b"/".to_vec());
        let (mut process, _) = draft.into_process(&SecretWords::default(), now()).unwrap();
        process.status = status;
        Self {
            process,
            machine,
            owner: OwnerId::generate(),
            keeps: false,
            now: now(),
        }
    }

    pub(crate) fn handle(&self, event: &Event) -> (ProcessStatus, Vec<Effect>) {
        let mut context = Context::new(&self.process, self.machine, self.owner, self.now, 1.0);
        context.keeps = self.keeps;
        let status = handle(event, &mut context);
        (status, context.into_effects())
    }

    /// What is written of events that are past, and the row that it makes.
    pub(crate) fn catch_up(&self, events: &[Event]) -> (Process, Vec<Effect>) {
        let owner = OwnerId::generate();
        let context = Context::new(&self.process, self.machine, owner, self.now, 1.0);
        catch_up(&context, events)
    }

    pub(crate) fn after(&self, seconds: i64) -> Timestamp {
        self.now.saturating_add(TimeDelta::seconds(seconds))
    }

    pub(crate) fn ended(&self, outcome: Outcome, exit_code: Option<i32>) -> Ended {
        Ended {
            ended_at: self.now,
            exit_code,
            outcome,
            stdout: String::new(),
            stderr: String::new(),
            stdout_bytes: None,
            stderr_bytes: None,
            stdout_dropped: None,
            stderr_dropped: None,
            usage: None,
        }
    }
}

pub(crate) fn identity() -> ProcessIdentity {
    ProcessIdentity {
        boot_id: BootId("b".to_owned()),
        pid_namespace: PidNamespace(1),
        pid: Pid::new(4711).unwrap(),
        start_ticks: StartTicks(5),
        pidfd_inode: Some(6),
    }
}

pub(crate) fn log() -> LogPlace {
    LogPlace::Files {
        stem: "processes/x.1".to_owned(),
    }
}

pub(crate) fn spawned(bench: &Bench) -> Event {
    Event::Spawned {
        identity: identity(),
        started_at: bench.now,
        log: log(),
    }
}

pub(crate) fn exit(termination: Termination) -> Event {
    Event::Exited(Exit {
        at: now(),
        termination,
        usage: None,
        output: Output::default(),
        stopped: None,
    })
}

pub(crate) fn request(bench: &Bench, signal: i32) -> StopRequest {
    StopRequest {
        at: bench.now,
        by: "a test".to_owned(),
        signal,
    }
}

pub(crate) fn stop_event(bench: &Bench, signal: i32, grace: Option<TimeDelta>) -> Event {
    Event::StopRequested {
        request: request(bench, signal),
        grace,
    }
}

pub(crate) fn every_event(bench: &Bench) -> Vec<Event> {
    vec![
        Event::Tick,
        Event::Launch,
        spawned(bench),
        Event::Left,
        Event::SpawnFailed {
            exit_code: 127,
            reason: "no".to_owned(),
        },
        exit(Termination::Exited(0)),
        Event::Lost,
        Event::TimedOut,
        stop_event(bench, SIGTERM, None),
        Event::GraceOver,
        Event::Cancelled,
    ]
}

pub(crate) fn save(change: ProcessChange) -> Effect {
    Effect::Save(change)
}

pub(crate) fn signal(signal: i32, scope: KillMode) -> Effect {
    Effect::Signal { signal, scope }
}

//! Every state of a process against every event and every guard.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

use chrono::TimeDelta;
use hostledger_lifecycle::process::{
    Context, Effect, Event, Exit, Output, RetryPolicy, Timer, handle, lease_end,
};
use hostledger_model::{
    BootId, CommandLine, Ended, KillMode, LogPlace, MachineId, Outcome, OwnerId, Pid, PidNamespace,
    Process, ProcessChange, ProcessDraft, ProcessIdentity, ProcessStatus, Requeued, ResourceUsage,
    SecretWords, StartTicks, Started, StopRequest, Termination, Timestamp,
};

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

struct Bench {
    process: Process,
    machine: MachineId,
    now: Timestamp,
    retry: RetryPolicy,
}

impl Bench {
    fn new(status: ProcessStatus) -> Self {
        let machine = MachineId::generate();
        let command = CommandLine::new(vec![b"true".to_vec()]).unwrap();
        let draft = ProcessDraft::new(machine, command, b"/".to_vec());
        let (mut process, _) = draft.into_process(&SecretWords::default(), now()).unwrap();
        process.status = status;
        Self {
            process,
            machine,
            now: now(),
            retry: RetryPolicy::default(),
        }
    }

    fn handle(&self, event: &Event) -> (ProcessStatus, Vec<Effect>) {
        let owner = OwnerId::generate();
        let mut context = Context::new(&self.process, self.machine, owner, self.now, 1.0);
        context.retry = self.retry;
        let status = handle(event, &mut context);
        (status, context.into_effects())
    }

    fn after(&self, seconds: i64) -> Timestamp {
        self.now.saturating_add(TimeDelta::seconds(seconds))
    }

    fn ended(&self, outcome: Outcome, exit_code: Option<i32>) -> Ended {
        Ended {
            ended_at: self.now,
            exit_code,
            outcome,
            stdout: String::new(),
            stderr: String::new(),
            stdout_bytes: None,
            stderr_bytes: None,
            usage: None,
        }
    }
}

fn identity() -> ProcessIdentity {
    ProcessIdentity {
        boot_id: BootId("b".to_owned()),
        pid_namespace: PidNamespace(1),
        pid: Pid::new(4711).unwrap(),
        start_ticks: StartTicks(5),
        pidfd_inode: Some(6),
    }
}

fn log() -> LogPlace {
    LogPlace::Files {
        stem: "processes/x.1".to_owned(),
    }
}

fn spawned(bench: &Bench) -> Event {
    Event::Spawned {
        identity: identity(),
        started_at: bench.now,
        log: log(),
    }
}

fn exit(termination: Termination) -> Event {
    Event::Exited(Exit {
        at: now(),
        termination,
        usage: None,
        output: Output::default(),
    })
}

fn request(bench: &Bench, signal: i32) -> StopRequest {
    StopRequest {
        at: bench.now,
        by: "a test".to_owned(),
        signal,
    }
}

fn stop_event(bench: &Bench, signal: i32, grace: Option<TimeDelta>) -> Event {
    Event::StopRequested {
        request: request(bench, signal),
        grace,
    }
}

fn every_event(bench: &Bench) -> Vec<Event> {
    vec![
        Event::Tick,
        Event::Launch,
        spawned(bench),
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

fn save(change: ProcessChange) -> Effect {
    Effect::Save(change)
}

fn signal(signal: i32, scope: KillMode) -> Effect {
    Effect::Signal { signal, scope }
}

/// A status without a handler would compile and swallow every event.
#[test]
fn every_status_that_is_not_final_answers_some_event() {
    for &status in ProcessStatus::ALL {
        let bench = Bench::new(status);
        let acts = every_event(&bench)
            .iter()
            .any(|event| bench.handle(event) != (status, vec![]));
        assert_eq!(acts, status != ProcessStatus::Exited, "{status}");
    }
}

#[test]
fn an_ended_process_ignores_everything() {
    let mut bench = Bench::new(ProcessStatus::Exited);
    bench.process.max_attempts = 5;
    for event in every_event(&bench) {
        assert_eq!(
            bench.handle(&event),
            (ProcessStatus::Exited, vec![]),
            "{event:?}"
        );
    }
}

#[test]
fn what_makes_no_sense_in_a_status_changes_nothing() {
    let queued = Bench::new(ProcessStatus::Queued);
    for event in [
        exit(Termination::Exited(1)),
        Event::Lost,
        Event::TimedOut,
        Event::GraceOver,
    ] {
        assert_eq!(
            queued.handle(&event),
            (ProcessStatus::Queued, vec![]),
            "{event:?}"
        );
    }
    let running = Bench::new(ProcessStatus::Running);
    let failed = Event::SpawnFailed {
        exit_code: 127,
        reason: String::new(),
    };
    for event in [
        Event::Tick,
        Event::Launch,
        spawned(&running),
        failed,
        Event::Cancelled,
    ] {
        assert_eq!(
            running.handle(&event),
            (ProcessStatus::Running, vec![]),
            "{event:?}"
        );
    }
}

#[test]
fn a_due_process_that_can_start_is_spawned() {
    let bench = Bench::new(ProcessStatus::Queued);
    for event in [Event::Tick, Event::Launch] {
        assert_eq!(
            bench.handle(&event),
            (ProcessStatus::Queued, vec![Effect::Spawn])
        );
    }
}

#[test]
fn a_due_process_that_cannot_start_is_due_again_later() {
    let mut empty = Bench::new(ProcessStatus::Queued);
    empty.process.cmd.clear();
    let mut elsewhere = Bench::new(ProcessStatus::Queued);
    elsewhere.process.machine_id = MachineId::generate();
    for bench in [empty, elsewhere] {
        let later = save(ProcessChange::Deferred {
            retry_at: bench.after(60),
        });
        assert_eq!(
            bench.handle(&Event::Tick),
            (ProcessStatus::Queued, vec![later])
        );
        assert_eq!(
            bench.handle(&Event::Launch),
            (ProcessStatus::Queued, vec![])
        );
    }
}

#[test]
fn a_started_process_runs_under_a_lease_of_a_day() {
    let bench = Bench::new(ProcessStatus::Queued);
    let started = Started {
        identity: identity(),
        started_at: bench.now,
        lease_until: bench.after(24 * 3600),
        log: log(),
    };
    let expected = vec![save(ProcessChange::Started(started))];
    assert_eq!(
        bench.handle(&spawned(&bench)),
        (ProcessStatus::Running, expected)
    );
}

#[test]
fn a_timeout_is_armed_and_bounds_the_lease() {
    let mut bench = Bench::new(ProcessStatus::Queued);
    bench.process.timeout_ms = Some(2_000);
    let (status, effects) = bench.handle(&spawned(&bench));
    assert_eq!(status, ProcessStatus::Running);
    let [Effect::Save(ProcessChange::Started(started)), armed] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(started.lease_until, bench.after(32));
    assert_eq!(
        *armed,
        Effect::Arm {
            timer: Timer::Timeout,
            at: bench.after(2)
        }
    );
}

#[test]
fn a_lease_that_would_end_after_all_time_ends_with_it() {
    let bench = Bench::new(ProcessStatus::Queued);
    assert!(lease_end(Some(u64::MAX), bench.now) > bench.now);
    assert!(lease_end(Some(i64::MAX as u64), bench.now) > bench.now);
}

#[test]
fn a_stop_asked_for_during_the_start_is_stored_and_sent_after_it() {
    let mut bench = Bench::new(ProcessStatus::Queued);
    let stored = save(ProcessChange::StopRequested(request(&bench, SIGINT)));
    let answer = bench.handle(&stop_event(&bench, SIGINT, None));
    assert_eq!(answer, (ProcessStatus::Queued, vec![stored]));
    bench.process.stop = Some(request(&bench, SIGINT));
    bench.process.kill_mode = KillMode::Group;
    let (status, effects) = bench.handle(&spawned(&bench));
    assert_eq!(status, ProcessStatus::Running);
    assert_eq!(effects.last(), Some(&signal(SIGINT, KillMode::Group)));
}

#[test]
fn a_program_that_cannot_be_executed_ends_with_the_shells_code_and_the_reason() {
    for exit_code in [126, 127] {
        let bench = Bench::new(ProcessStatus::Queued);
        let event = Event::SpawnFailed {
            exit_code,
            reason: "no such program".to_owned(),
        };
        let ended = Ended {
            stderr: "no such program".to_owned(),
            ..bench.ended(Outcome::SpawnFailed, Some(exit_code))
        };
        let expected = vec![
            save(ProcessChange::Ended(ended)),
            Effect::CountUse { succeeded: false },
        ];
        assert_eq!(bench.handle(&event), (ProcessStatus::Exited, expected));
    }
}

#[test]
fn a_queued_process_can_be_taken_back() {
    let bench = Bench::new(ProcessStatus::Queued);
    let ended = bench.ended(Outcome::Cancelled, None);
    let expected = (
        ProcessStatus::Exited,
        vec![save(ProcessChange::Ended(ended))],
    );
    assert_eq!(bench.handle(&Event::Cancelled), expected);
}

#[test]
fn a_stop_is_stored_before_its_signal_and_followed_by_a_kill_when_asked() {
    for scope in KillMode::ALL {
        let mut bench = Bench::new(ProcessStatus::Running);
        bench.process.kill_mode = *scope;
        let stored = save(ProcessChange::StopRequested(request(&bench, SIGTERM)));
        let sent = signal(SIGTERM, *scope);
        let answer = bench.handle(&stop_event(&bench, SIGTERM, None));
        assert_eq!(
            answer,
            (ProcessStatus::Running, vec![stored.clone(), sent.clone()])
        );

        let grace = TimeDelta::seconds(5);
        let armed = Effect::Arm {
            timer: Timer::Grace,
            at: bench.after(5),
        };
        let answer = bench.handle(&stop_event(&bench, SIGTERM, Some(grace)));
        assert_eq!(answer, (ProcessStatus::Running, vec![stored, sent, armed]));

        let answer = bench.handle(&Event::GraceOver);
        assert_eq!(
            answer,
            (ProcessStatus::Running, vec![signal(SIGKILL, *scope)])
        );
    }
}

#[test]
fn a_process_whose_time_is_up_is_stopped_with_a_grace() {
    let bench = Bench::new(ProcessStatus::Running);
    let expected = vec![
        save(ProcessChange::StopRequested(StopRequest::timeout(
            bench.now, SIGTERM,
        ))),
        signal(SIGTERM, KillMode::Tree),
        Effect::Arm {
            timer: Timer::Grace,
            at: bench.after(5),
        },
    ];
    assert_eq!(
        bench.handle(&Event::TimedOut),
        (ProcessStatus::Running, expected)
    );
}

/// Each way to end × whether a stop was asked for: what is recorded, and whether it counts.
#[test]
fn the_outcome_tells_who_ended_it_and_the_code_stays_the_process_s_own() {
    let by_request = |bench: &Bench| Some(request(bench, SIGTERM));
    let by_timeout = |bench: &Bench| Some(StopRequest::timeout(bench.now, SIGTERM));
    type Stop<'a> = &'a dyn Fn(&Bench) -> Option<StopRequest>;
    let cases: [(Termination, Stop<'_>, Outcome, i32, Option<bool>); 8] = [
        (
            Termination::Exited(0),
            &|_| None,
            Outcome::Exited,
            0,
            Some(true),
        ),
        (
            Termination::Exited(7),
            &|_| None,
            Outcome::Exited,
            7,
            Some(false),
        ),
        (
            Termination::Signaled(9),
            &|_| None,
            Outcome::Signaled,
            137,
            Some(false),
        ),
        (
            Termination::Exited(0),
            &by_request,
            Outcome::Killed,
            0,
            None,
        ),
        (
            Termination::Signaled(15),
            &by_request,
            Outcome::Killed,
            143,
            None,
        ),
        (
            Termination::Exited(0),
            &by_timeout,
            Outcome::TimedOut,
            0,
            Some(false),
        ),
        (
            Termination::Exited(3),
            &by_timeout,
            Outcome::TimedOut,
            3,
            Some(false),
        ),
        (
            Termination::Signaled(9),
            &by_timeout,
            Outcome::TimedOut,
            137,
            Some(false),
        ),
    ];
    for (termination, stop, outcome, code, counted) in cases {
        let mut bench = Bench::new(ProcessStatus::Running);
        bench.process.stop = stop(&bench);
        let mut expected = vec![save(ProcessChange::Ended(bench.ended(outcome, Some(code))))];
        expected.extend(counted.map(|succeeded| Effect::CountUse { succeeded }));
        let answer = bench.handle(&exit(termination));
        assert_eq!(
            answer,
            (ProcessStatus::Exited, expected),
            "{termination:?} {outcome}"
        );
    }
}

#[test]
fn what_the_process_wrote_and_used_is_saved_with_its_end() {
    let bench = Bench::new(ProcessStatus::Running);
    let usage = Some(ResourceUsage {
        cpu_user_us: 9,
        ..ResourceUsage::default()
    });
    let output = Output {
        stdout: "out".to_owned(),
        stderr: "err".to_owned(),
        stdout_bytes: Some(3),
        stderr_bytes: Some(3),
    };
    let (_, effects) = bench.handle(&Event::Exited(Exit {
        at: bench.now,
        termination: Termination::Exited(0),
        usage,
        output,
    }));
    let ended = Ended {
        stdout: "out".to_owned(),
        stderr: "err".to_owned(),
        stdout_bytes: Some(3),
        stderr_bytes: Some(3),
        usage,
        ..bench.ended(Outcome::Exited, Some(0))
    };
    assert_eq!(effects[0], save(ProcessChange::Ended(ended)));
}

#[test]
fn an_end_nobody_saw_has_no_code() {
    let bench = Bench::new(ProcessStatus::Running);
    let ended = bench.ended(Outcome::Lost, None);
    let expected = (
        ProcessStatus::Exited,
        vec![save(ProcessChange::Ended(ended))],
    );
    assert_eq!(bench.handle(&Event::Lost), expected);
}

/// Each outcome with an attempt left: tried again or final, by policy.
#[test]
fn a_failure_with_attempts_left_is_tried_again_after_a_backoff() {
    let asked = RetryPolicy {
        spawn_failed: true,
        lost: true,
        ..RetryPolicy::default()
    };
    let stopped = |bench: &mut Bench| bench.process.stop = Some(request(bench, SIGTERM));
    let late =
        |bench: &mut Bench| bench.process.stop = Some(StopRequest::timeout(bench.now, SIGTERM));
    let missing = Event::SpawnFailed {
        exit_code: 127,
        reason: String::new(),
    };
    type Change<'a> = &'a dyn Fn(&mut Bench);
    let (queued, running) = (ProcessStatus::Queued, ProcessStatus::Running);
    let cases: [(ProcessStatus, Event, Change<'_>, bool, bool); 9] = [
        (running, exit(Termination::Exited(0)), &|_| (), false, false),
        (running, exit(Termination::Exited(1)), &|_| (), true, true),
        (
            running,
            exit(Termination::Signaled(11)),
            &|_| (),
            true,
            true,
        ),
        (
            running,
            exit(Termination::Exited(1)),
            &stopped,
            false,
            false,
        ),
        (running, exit(Termination::Exited(1)), &late, true, true),
        (running, exit(Termination::Exited(0)), &late, true, true),
        (running, Event::Lost, &|_| (), false, true),
        (queued, missing, &|_| (), false, true),
        (queued, Event::Cancelled, &|_| (), false, false),
    ];
    for (status, event, change, by_default, when_asked) in cases {
        for (retry, again) in [(RetryPolicy::default(), by_default), (asked, when_asked)] {
            let mut bench = Bench {
                retry,
                ..Bench::new(status)
            };
            bench.process.max_attempts = 2;
            change(&mut bench);
            let (status, effects) = bench.handle(&event);
            assert_eq!(status == queued, again, "{event:?}");
            if again {
                let [Effect::Save(ProcessChange::Requeued(Requeued { retry_at, .. }))] =
                    &effects[..]
                else {
                    panic!("{event:?}: {effects:?}");
                };
                assert_eq!(*retry_at, bench.after(1));
            }
            bench.process.attempt = 2;
            assert_eq!(
                bench.handle(&event).0,
                ProcessStatus::Exited,
                "{event:?}: none left"
            );
        }
    }
}

/// What the effects save, applied to the row, is the status the machine says.
#[test]
fn the_saved_changes_make_up_the_status_that_is_returned() {
    for &status in ProcessStatus::ALL {
        for attempts in [1, 2] {
            let mut bench = Bench::new(status);
            bench.process.max_attempts = attempts;
            let mut events = every_event(&bench);
            events.push(exit(Termination::Exited(1)));
            for event in events {
                let (next, effects) = bench.handle(&event);
                let mut row = bench.process.clone();
                for effect in effects {
                    if let Effect::Save(change) = effect {
                        change.apply(&mut row, bench.now);
                    }
                }
                assert_eq!(row.status, next, "{status} {event:?}");
            }
        }
    }
}

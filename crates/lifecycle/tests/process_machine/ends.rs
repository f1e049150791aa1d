//! Stops and ends.

use chrono::TimeDelta;
use hostledger_lifecycle::process::{Effect, Event, Exit, Output, Timer};
use hostledger_model::{
    Ended, KillMode, Outcome, ProcessChange, ProcessStatus, Requeued, ResourceUsage, StopRequest,
    Termination,
};

use crate::bench::*;

#[test]
fn a_stop_asked_for_during_the_start_is_stored_and_sent_after_it() {
    let mut bench = Bench::new(ProcessStatus::Queued);
    let stored = save(ProcessChange::StopRequested(request(&bench, SIGINT)));
    let answer = bench.handle(&stop_event(&bench, SIGINT, None));
    assert_eq!(answer, (ProcessStatus::Queued, vec![stored.clone()]));
    let armed = Effect::Arm {
        timer: Timer::Grace,
        at: bench.after(5),
    };
    let answer = bench.handle(&stop_event(&bench, SIGINT, Some(TimeDelta::seconds(5))));
    assert_eq!(answer, (ProcessStatus::Queued, vec![stored, armed]));
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
        stdout_dropped: Some(7),
        stderr_dropped: None,
    };
    let (_, effects) = bench.handle(&Event::Exited(Exit {
        at: bench.now,
        termination: Termination::Exited(0),
        usage,
        output,
        stopped: None,
    }));
    let ended = Ended {
        stdout: "out".to_owned(),
        stderr: "err".to_owned(),
        stdout_bytes: Some(3),
        stderr_bytes: Some(3),
        stdout_dropped: Some(7),
        stderr_dropped: None,
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

#[test]
fn a_process_that_vanished_before_its_start_was_written_is_lost_and_not_started_again() {
    let mut bench = Bench::new(ProcessStatus::Queued);
    bench.process.max_attempts = 2;
    let ended = bench.ended(Outcome::Lost, None);
    let expected = (
        ProcessStatus::Exited,
        vec![save(ProcessChange::Ended(ended))],
    );
    assert_eq!(bench.handle(&Event::Lost), expected);
}

#[test]
fn a_stop_that_its_supervisor_made_is_stored_with_the_end() {
    let by_keeper = |bench: &Bench| {
        let Event::Exited(exit) = exit(Termination::Signaled(15)) else {
            unreachable!("it is made so");
        };
        Event::Exited(Exit {
            stopped: Some(StopRequest::timeout(bench.now, SIGTERM)),
            ..exit
        })
    };
    let mut bench = Bench::new(ProcessStatus::Running);
    let (status, effects) = bench.handle(&by_keeper(&bench));
    let expected = [
        save(ProcessChange::StopRequested(StopRequest::timeout(
            bench.now, SIGTERM,
        ))),
        save(ProcessChange::Ended(
            bench.ended(Outcome::TimedOut, Some(143)),
        )),
        Effect::CountUse { succeeded: false },
    ];
    assert_eq!(
        (status, &effects[..]),
        (ProcessStatus::Exited, &expected[..])
    );

    // One that is known already goes before.
    bench.process.stop = Some(request(&bench, SIGINT));
    let (_, effects) = bench.handle(&by_keeper(&bench));
    let ended = bench.ended(Outcome::Killed, Some(143));
    assert_eq!(effects, [save(ProcessChange::Ended(ended))]);
}

/// Each outcome with an attempt left: tried again or final, as was asked.
#[test]
fn a_failure_with_attempts_left_is_tried_again_after_a_backoff() {
    let stopped = |bench: &mut Bench| bench.process.stop = Some(request(bench, SIGTERM));
    let late =
        |bench: &mut Bench| bench.process.stop = Some(StopRequest::timeout(bench.now, SIGTERM));
    let missing = Event::SpawnFailed {
        exit_code: 127,
        reason: String::new(),
    };
    type Change<'a> = &'a dyn Fn(&mut Bench);
    let (queued, running) = (ProcessStatus::Queued, ProcessStatus::Running);
    let cases: [(ProcessStatus, Event, Change<'_>, bool, bool); 10] = [
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
        (queued, Event::Lost, &|_| (), false, true),
        (queued, missing, &|_| (), false, true),
        (queued, Event::Cancelled, &|_| (), false, false),
    ];
    for (status, event, change, by_default, when_asked) in cases {
        for (retry_lost, again) in [(false, by_default), (true, when_asked)] {
            let mut bench = Bench::new(status);
            bench.process.max_attempts = 2;
            bench.process.retry_lost = retry_lost;
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

#[test]
fn a_failure_stays_with_whoever_tries_it_again_himself() {
    let mut bench = Bench::new(ProcessStatus::Running);
    bench.process.max_attempts = 2;
    bench.process.timeout_ms = Some(60_000);
    bench.keeps = true;
    let (status, effects) = bench.handle(&exit(Termination::Exited(1)));
    assert_eq!(status, ProcessStatus::Queued);
    let [Effect::Save(ProcessChange::Requeued(requeued))] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(requeued.owner, Some(bench.owner));
    // Nobody else may before the longest wait, the timeout and its slack are over.
    assert_eq!(requeued.retry_at, bench.after(300 + 60 + 30));
}

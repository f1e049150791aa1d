//! Starts, and what holds in every state.

use hostledger_lifecycle::process::{Effect, Event, Timer, lease_end};
use hostledger_model::{MachineId, Outcome, ProcessChange, ProcessStatus, Started, Termination};

use crate::bench::*;

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
        Event::Left,
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
fn a_process_asked_to_stop_before_anybody_started_it_is_cancelled() {
    let mut bench = Bench::new(ProcessStatus::Queued);
    bench.process.stop = Some(request(&bench, SIGTERM));
    let cancelled = save(ProcessChange::Ended(bench.ended(Outcome::Cancelled, None)));
    for event in [Event::Tick, Event::Launch] {
        let expected = (ProcessStatus::Exited, vec![cancelled.clone()]);
        assert_eq!(bench.handle(&event), expected);
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
        knows_stop: false,
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
    let [armed, Effect::Save(ProcessChange::Started(started))] = &effects[..] else {
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

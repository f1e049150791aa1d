//! Lives that are told afterwards.

use hostledger_lifecycle::process::{Effect, Event, Exit};
use hostledger_model::{Outcome, ProcessChange, ProcessStatus, StopRequest, Termination};

use crate::bench::*;

/// The names of what is written, in order.
fn written(effects: &[Effect]) -> Vec<&'static str> {
    let name = |effect: &Effect| match effect {
        Effect::Save(ProcessChange::Started(_)) => "started",
        Effect::Save(ProcessChange::StopRequested(_)) => "stop",
        Effect::Save(ProcessChange::Ended(_)) => "ended",
        Effect::Save(ProcessChange::Requeued(_)) => "requeued",
        Effect::CountUse { succeeded: true } => "success",
        Effect::CountUse { succeeded: false } => "failure",
        _ => "something else",
    };
    effects.iter().map(name).collect()
}

#[test]
fn a_start_and_an_end_learnt_late_are_written_and_nothing_is_signalled_or_timed() {
    let mut bench = Bench::new(ProcessStatus::Queued);
    bench.process.timeout_ms = Some(1_000);
    let events = [spawned(&bench), exit(Termination::Exited(0))];
    let (process, effects) = bench.catch_up(&events);
    assert_eq!(written(&effects), ["started", "ended", "success"]);
    assert_eq!(
        (process.status, process.exit_code),
        (ProcessStatus::Exited, Some(0))
    );
    assert_eq!(process.identity, Some(identity()));

    // Asked to stop meanwhile: the signal comes too late, the outcome says so all the same.
    bench.process.stop = Some(request(&bench, SIGTERM));
    let (process, effects) = bench.catch_up(&events);
    assert_eq!(written(&effects), ["started", "ended"]);
    assert_eq!(process.outcome, Some(Outcome::Killed));
}

#[test]
fn a_timeout_that_a_supervisor_enforced_is_told_in_two_ways() {
    let bench = Bench::new(ProcessStatus::Queued);
    let timeout = StopRequest::timeout(bench.now, SIGTERM);
    let end = exit(Termination::Signaled(15));
    let Event::Exited(exit) = end.clone() else {
        unreachable!("it is made so");
    };
    let told_before = Event::StopRequested {
        request: timeout.clone(),
        grace: None,
    };
    let told_with_it = Event::Exited(Exit {
        stopped: Some(timeout.clone()),
        ..exit
    });
    for events in [
        vec![spawned(&bench), told_before, end],
        vec![spawned(&bench), told_with_it],
    ] {
        let (process, effects) = bench.catch_up(&events);
        assert_eq!(written(&effects), ["started", "stop", "ended", "failure"]);
        assert_eq!(
            (process.outcome, process.stop),
            (Some(Outcome::TimedOut), Some(timeout.clone()))
        );
    }
}

#[test]
fn a_failure_with_attempts_left_is_queued_again() {
    let mut bench = Bench::new(ProcessStatus::Queued);
    bench.process.max_attempts = 2;
    let (process, effects) = bench.catch_up(&[spawned(&bench), exit(Termination::Exited(1))]);
    assert_eq!(written(&effects), ["started", "requeued"]);
    assert_eq!(
        (process.status, process.attempt),
        (ProcessStatus::Queued, 2)
    );
}

#[test]
fn a_start_that_failed_or_was_lost_is_final() {
    let bench = Bench::new(ProcessStatus::Queued);
    let failed = Event::SpawnFailed {
        exit_code: 127,
        reason: "no".to_owned(),
    };
    for (events, outcome) in [
        (vec![failed], Outcome::SpawnFailed),
        (vec![Event::Lost], Outcome::Lost),
        (vec![spawned(&bench), Event::Lost], Outcome::Lost),
    ] {
        let (process, _) = bench.catch_up(&events);
        assert_eq!(
            (process.status, process.outcome),
            (ProcessStatus::Exited, Some(outcome))
        );
        assert_eq!(process.identity.is_some(), events.len() == 2);
    }
}

#[test]
fn what_has_ended_already_is_written_no_more() {
    let bench = Bench::new(ProcessStatus::Exited);
    let (process, effects) = bench.catch_up(&[spawned(&bench), exit(Termination::Exited(1))]);
    assert_eq!((process, effects), (bench.process, vec![]));
}

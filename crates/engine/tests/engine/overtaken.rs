//! Ends that are wanted while the database does not answer.

use chrono::TimeDelta;
use hostledger_engine::Progress;
use hostledger_model::{Outcome, ProcessStatus, StopRequest, Termination, Timestamp};

use crate::bench::{Answer, Bench, LIMIT, end, ended};

/// What was told of writing and of signals, in order.
fn told(bench: &Bench) -> Vec<String> {
    let told = bench.world.told().into_iter();
    told.filter(|one| !one.starts_with("kill due")).collect()
}

#[test]
fn a_stop_whose_request_is_not_written_yet_is_signalled_and_written_later() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    bench.world.hold();
    bench.engine.stop(id, bench.request(), None);
    bench.world.wait_told("signal 15");
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    bench.world.answer_held();
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(143), Some(Outcome::Killed))
    );
    bench.world.wait_told("released with the rest");
    let rest = ["held stop", "signal 15", "saved stop", "saved ended"];
    assert_eq!(told(&bench)[2..6], rest, "sent once, and written in order");
}

#[test]
fn a_timeout_and_its_grace_do_not_wait_for_the_database() {
    let bench = Bench::new();
    let (mut process, order) = bench.process("slow");
    process.timeout_ms = Some(1000);
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    bench.world.hold();
    // The grace is five seconds: the program minds no SIGTERM.
    bench.world.wait_told("signal 15");
    bench.world.wait_told("signal 9");
    bench.world.answer_held();
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(137), Some(Outcome::TimedOut))
    );
}

#[test]
fn a_timeout_does_not_wait_for_a_start_that_is_not_written_yet() {
    let bench = Bench::new();
    bench.world.hold();
    let (mut process, order) = bench.process("slow");
    process.timeout_ms = Some(100);
    let watch = bench.engine.launch(process, order);
    bench.world.wait_told("held started");
    bench.world.wait_told("signal 15");
    assert!(matches!(watch.progress(), Progress::Starting));
    bench.world.wait_told("signal 9");
    bench.world.answer_held();
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(137), Some(Outcome::TimedOut))
    );
}

#[test]
fn a_stop_does_not_wait_for_a_start_that_is_not_written_yet() {
    let bench = Bench::new();
    bench.world.hold();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    bench.world.wait_told("held started");
    let grace = Some(TimeDelta::milliseconds(30));
    bench.engine.stop(id, bench.request(), grace);
    bench.world.wait_told("signal 15");
    bench.world.wait_told("signal 9");
    assert!(matches!(watch.progress(), Progress::Starting));
    bench.world.answer_held();
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(process.outcome, Some(Outcome::Killed));
    let rest = ["saved started", "saved stop", "saved ended"];
    let saved = told(&bench).into_iter();
    assert_eq!(
        saved
            .filter(|it| it.starts_with("saved"))
            .collect::<Vec<_>>(),
        rest
    );
}

#[test]
fn of_a_stop_that_somebody_else_has_asked_for_before_theirs_stands() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    let Progress::Running(mut row) = watch.wait_started() else {
        panic!()
    };
    row.stop = Some(StopRequest::timeout(Timestamp::now(), 15));
    row.owner = Some(bench.owner);
    *bench.world.row.lock().unwrap() = Some(*row);
    bench.world.hold();
    bench.engine.stop(id, bench.request(), None);
    bench.world.wait_told("signal 15");
    bench.refuse("ended", Answer::Refused);
    bench.world.refuse_held();
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(process.outcome, Some(Outcome::TimedOut));
}

#[test]
fn a_start_that_is_refused_after_its_stop_was_signalled_is_given_up() {
    let bench = Bench::new();
    bench.world.hold();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    bench.world.wait_told("held started");
    bench.engine.stop(id, bench.request(), None);
    bench.world.wait_told("signal 15");
    bench.world.refuse_held();
    assert!(matches!(
        watch.wait_ended(LIMIT),
        Some(Progress::NotRecorded(_))
    ));
    bench.world.wait_told("released");
    assert!(!told(&bench).iter().any(|it| it == "saved stop"));
}

#[test]
fn a_program_that_was_stopped_is_not_tried_again_for_a_request_that_is_not_written() {
    let bench = Bench::new();
    let (mut process, order) = bench.process("slow");
    process.max_attempts = 3;
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    bench.refuse("stop", Answer::Error { times: 3 });
    bench.engine.stop(id, bench.request(), None);
    bench.world.wait_told("signal 15");
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.status, process.outcome),
        (ProcessStatus::Exited, Some(Outcome::Killed))
    );
    assert!(
        told(&bench).iter().any(|it| it == "saved stop"),
        "in the end it was written"
    );
}

//! Lives without accidents.

use std::time::Duration;

use chrono::TimeDelta;
use hostledger_engine::Progress;
use hostledger_model::{Outcome, Pid, Termination};

use crate::bench::{Bench, HandClock, LIMIT, end, ended};

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
        "counts false",
        "saved ended",
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
    // No time passes: the stop would not wait for its row for ever.
    let clock = HandClock::default();
    let bench = Bench::with_clock(&clock);
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    bench.world.hold();
    bench
        .engine
        .stop(id, bench.request(), Some(TimeDelta::milliseconds(30)));
    bench.world.wait_told("held stop");
    bench.world.answer_held();
    bench.world.wait_told("kill due in 0 s");
    clock.advance(Duration::from_millis(30));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(137), Some(Outcome::Killed))
    );
    let told = bench.world.told();
    let rest = [
        "held stop",
        "saved stop",
        "signal 15",
        "kill due in 0 s",
        "signal 9",
        "saved ended",
        "released with the rest",
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
    while world.held.lock().unwrap().as_ref().unwrap().is_empty() {
        std::thread::yield_now();
    }
    world.answer_held();
    closing.join().unwrap();
    assert!(world.told().contains(&"saved started".to_owned()));
    assert!(!world.told().iter().any(|one| one.starts_with("signal")));
}

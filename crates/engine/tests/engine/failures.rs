//! Changes that are refused or cannot be written.

use hostledger_engine::{NotRecorded, Progress};
use hostledger_model::{MachineId, Outcome, Termination};

use crate::bench::{Answer, Bench, LIMIT, end, ended};

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
    bench.refuse("requeued", Answer::Refused);
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(143), Some(Outcome::Killed))
    );
}

#[test]
fn one_that_was_to_be_cancelled_while_it_was_started_is_stopped() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let mut row = process.clone();
    row.stop = Some(bench.request());
    row.owner = Some(bench.owner);
    *bench.world.row.lock().unwrap() = Some(row);
    bench.refuse("started", Answer::Refused);
    let watch = bench.engine.launch(process, order);
    bench.world.wait_told("signal 15");
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(process.outcome, Some(Outcome::Killed));
    assert!(process.started_at.is_some());
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
fn a_write_that_fails_is_tried_again_until_it_succeeds() {
    for change in ["started", "ended"] {
        let bench = Bench::new();
        bench.refuse(change, Answer::Error { times: 3 });
        let (process, order) = bench.process("quick");
        let watch = bench.engine.launch(process, order);
        let process = ended(watch.wait_ended(LIMIT));
        assert_eq!(process.exit_code, Some(0), "{change}");
        bench.world.wait_told("released");
        let signals = bench
            .world
            .told()
            .iter()
            .filter(|one| one.starts_with("signal"))
            .count();
        assert_eq!(
            signals, 0,
            "{change}: nothing is ended for a disk that is full"
        );
    }
}

#[test]
fn an_end_that_cannot_be_written_for_long_is_told_with_its_code_and_written_later() {
    let bench = Bench::new();
    bench.refuse("ended", Answer::Error { times: 5 });
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
    assert!(
        !bench.world.told().contains(&"released".to_owned()),
        "it can be read again"
    );
    bench.world.wait_told("released");
    drop(bench);
    assert!(
        matches!(watch.progress(), Progress::Ended(_)),
        "in the end it was written"
    );
}

#[test]
fn closing_does_not_wait_for_a_write_that_fails() {
    let bench = Bench::new();
    bench.refuse("ended", Answer::Error { times: u32::MAX });
    let (process, order) = bench.process("quick");
    let watch = bench.engine.launch(process, order);
    bench.world.wait_told("failed ended");
    drop(bench);
    assert!(
        matches!(watch.progress(), Progress::NotRecorded(_)),
        "{watch:?}"
    );
}

#[test]
fn a_stop_that_cannot_be_written_is_carried_out_all_the_same() {
    let bench = Bench::new();
    let (process, order) = bench.process("slow");
    let id = process.id;
    let watch = bench.engine.launch(process, order);
    assert!(matches!(watch.wait_started(), Progress::Running(_)));
    bench.refuse("stop", Answer::Error { times: 1 });
    bench.engine.stop(id, bench.request(), None);
    bench.world.wait_told("signal 15");
    end(&bench.world, &bench.ready, id, Termination::Signaled(15));
    let process = ended(watch.wait_ended(LIMIT));
    assert_eq!(process.outcome, Some(Outcome::Killed));
}

#[test]
fn a_start_that_is_refused_is_ended_and_reaped() {
    let bench = Bench::new();
    bench.refuse("started", Answer::Refused);
    let (process, order) = bench.process("slow");
    let watch = bench.engine.launch(process, order);
    let Progress::NotRecorded(reason) = watch.wait_started() else {
        panic!()
    };
    assert!(matches!(reason, NotRecorded::TakenOver { .. }));
    bench.world.wait_told("released");
    assert_eq!(bench.world.told(), ["spawned", "signal 9", "released"]);
}

#[test]
fn an_end_that_somebody_else_has_written_is_reaped() {
    let bench = Bench::new();
    bench.refuse("ended", Answer::Refused);
    let (process, order) = bench.process("quick");
    let watch = bench.engine.launch(process, order);
    let Some(Progress::NotRecorded(reason)) = watch.wait_ended(LIMIT) else {
        panic!()
    };
    assert!(matches!(reason, NotRecorded::TakenOver { .. }));
    bench.world.wait_told("released");
}

#[test]
fn a_program_whose_start_cannot_be_written_for_long_is_ended() {
    let bench = Bench::new();
    bench.refuse("started", Answer::Error { times: u32::MAX });
    let (process, order) = bench.process("slow");
    let watch = bench.engine.launch(process, order);
    let Some(Progress::NotRecorded(error)) = watch.wait_ended(LIMIT) else {
        panic!()
    };
    assert!(error.to_string().contains("exit code 137"), "{error}");
    assert!(bench.world.told().contains(&"signal 9".to_owned()));
}

#[test]
fn closing_ends_a_program_whose_start_could_not_be_written() {
    let bench = Bench::new();
    bench.refuse("started", Answer::Error { times: u32::MAX });
    let (process, order) = bench.process("slow");
    bench.engine.launch(process, order);
    bench.world.wait_told("failed started");
    let world = bench.world.clone();
    drop(bench);
    assert!(world.told().contains(&"signal 9".to_owned()));
}

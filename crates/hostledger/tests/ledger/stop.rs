//! Ends that somebody asks for.

use std::time::Duration;

use hostledger::{Outcome, Signal, Stopped, Stream};

use crate::bench::{Bench, LIMIT, runs};

#[test]
fn somebody_else_can_wait_for_and_end_a_process() {
    let bench = Bench::new();
    let running = bench.ledger.command("sleep").arg("60").launch().unwrap();
    let other = bench.again();
    assert_eq!(
        other
            .wait(running.id(), Some(Duration::from_millis(30)))
            .unwrap(),
        None
    );
    let waiting = {
        let (other, id) = (other.clone(), running.id());
        std::thread::spawn(move || other.wait(id, Some(LIMIT)).unwrap().unwrap())
    };
    assert_eq!(
        other.terminate(running.id(), None, LIMIT).unwrap().stopped,
        Stopped::Ended
    );
    let seen = waiting.join().unwrap();
    assert_eq!(
        (seen.exit_code, seen.outcome),
        (Some(143), Some(Outcome::Killed))
    );
    assert_eq!(running.wait().unwrap(), seen);
    assert_eq!(
        other.terminate(running.id(), None, LIMIT).unwrap().stopped,
        Stopped::AlreadyEnded
    );
}

#[test]
fn a_process_that_ignores_sigterm_is_killed_after_the_grace() {
    let bench = Bench::new();
    let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let running = bench
        .ledger
        .command("sh")
        .args(["-c", script])
        .launch()
        .unwrap();
    let log = bench
        .ledger
        .log_path(&running.process().unwrap(), Stream::Stdout)
        .unwrap();
    while std::fs::read(&log).unwrap().is_empty() {
        std::thread::yield_now();
    }
    let stopped = bench
        .again()
        .terminate(running.id(), None, Duration::from_millis(100))
        .unwrap();
    assert_eq!(stopped.stopped, Stopped::Killed);
    let process = running.wait().unwrap();
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(137), Some(Outcome::Killed))
    );
}

#[test]
fn a_program_is_stopped_when_its_time_is_up_and_has_two_minutes_unless_told() {
    let bench = Bench::new();
    let command = bench
        .ledger
        .command("sh")
        .args(["-c", "sleep 60 & sleep 60"]);
    let running = command
        .timeout(Duration::from_millis(100))
        .launch()
        .unwrap();
    let process = running.wait_timeout(LIMIT).unwrap().unwrap();
    assert_eq!(
        (process.exit_code, process.outcome),
        (Some(143), Some(Outcome::TimedOut))
    );
    assert_eq!((process.timeout, process.timeout_ms), (1, Some(100)));
    let usual = bench.ledger.command("true").create().unwrap();
    assert_eq!((usual.timeout, usual.timeout_ms), (120, Some(120_000)));
    let endless = bench.ledger.command("true").no_timeout().create().unwrap();
    assert_eq!(endless.timeout_ms, None);
}

#[test]
fn what_a_stopped_program_leaves_of_its_group_is_ended_too() {
    let bench = Bench::new();
    for (way, seconds) in [
        ("timeout", "60.0101"),
        ("terminate", "60.0102"),
        ("stop", "60.0103"),
    ] {
        let script = format!("(trap '' TERM; echo ready; exec sleep {seconds}) & sleep 59");
        let mut command = bench.ledger.command("sh").args(["-c", &script]);
        if way == "timeout" {
            command = command.timeout(Duration::from_millis(300));
        }
        let running = command.launch().unwrap();
        let log = bench
            .ledger
            .open_log(&running.process().unwrap(), Stream::Stdout)
            .unwrap();
        let deadline = std::time::Instant::now() + LIMIT;
        while log.metadata().unwrap().len() == 0 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        match way {
            "terminate" => {
                let stopped = bench.again().terminate(running.id(), None, LIMIT).unwrap();
                assert_eq!(stopped.stopped, Stopped::Ended);
            }
            "stop" => running.stop(Signal::TERM, None),
            _ => {}
        }
        assert_eq!(running.wait().unwrap().exit_code, Some(143), "{way}");
        while runs(seconds) && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!runs(seconds), "{way}");
    }
}

#[test]
fn a_queued_process_cannot_be_killed_and_nothing_is_remembered_of_the_try() {
    let bench = Bench::new();
    let queued = bench.ledger.command("true").create().unwrap();
    assert!(bench.ledger.kill(queued.id, Signal::TERM).is_err());
    assert!(bench.ledger.terminate(queued.id, None, LIMIT).is_err());
    assert_eq!(bench.ledger.process(queued.id).unwrap().stop, None);
    let process = bench.ledger.launch(queued.id).unwrap().wait().unwrap();
    assert_eq!(process.outcome, Some(Outcome::Exited));
}

//! Signals that ask hostledger to end are the program's to answer.

use std::time::{Duration, Instant};

use hostledger_tests::{Ledger, Signal};

use crate::background::{Background, UNTIL_GO, record};

const NAMED: [(&str, Signal); 4] = [
    ("INT", Signal::INT),
    ("TERM", Signal::TERM),
    ("HUP", Signal::HUP),
    ("QUIT", Signal::QUIT),
];

#[test]
fn a_signal_reaches_the_program_and_its_answer_is_our_exit_code() {
    for (name, signal) in NAMED {
        let ledger = Ledger::new();
        let script = format!("trap 'echo caught; exit 3' {name}; {UNTIL_GO}");
        let run = Background::start(&ledger, &script);
        let output = run.signal(signal).expect_code(3);
        assert_eq!(ledger.alive(), [""; 0], "{name}");
        assert_eq!(output.stdout_text(), "ready\ncaught\n", "{name}");
        let process = ledger.process();
        assert_eq!(process["outcome"], "killed", "{name}");
        assert_eq!(process["exit_code"], 3, "{name}");
        assert_eq!(process["stop"]["signal"], signal.as_raw(), "{name}");
    }
}

#[test]
fn a_program_that_does_not_answer_is_ended_by_the_signal() {
    for (_, signal) in NAMED {
        let ledger = Ledger::new();
        let run = Background::start(&ledger, "exec sleep 60");
        run.signal(signal).expect_code(128 + signal.as_raw());
        assert_eq!(ledger.alive(), [""; 0]);
        let process = ledger.process();
        assert_eq!(process["outcome"], "killed");
        assert_eq!(process["exit_code"], 128 + signal.as_raw());
    }
}

#[test]
fn what_the_program_has_started_gets_the_signal_too() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "sleep 60 & sleep 61 & wait");
    let begun = Instant::now();
    run.signal(Signal::TERM).expect_code(143);
    let took = begun.elapsed();
    assert!(
        took < Duration::from_millis(1500),
        "nobody had to be waited for: {took:?}"
    );
    assert_eq!(ledger.alive(), [""; 0]);
}

#[test]
fn each_signal_is_passed_on_once_and_again_when_it_comes_again() {
    let ledger = Ledger::new();
    let script = "n=0; trap 'n=$((n+1)); echo got $n' INT; trap 'exit 5' TERM; \
                  while :; do sleep 0.02; done";
    let run = Background::start(&ledger, script);
    run.run.signal(Signal::INT);
    run.run.wait_stdout(b"ready\ngot 1\n");
    run.run.signal(Signal::INT);
    run.run.wait_stdout(b"ready\ngot 1\ngot 2\n");
    let output = run.signal(Signal::TERM).expect_code(5);
    assert_eq!(output.stdout_text(), "ready\ngot 1\ngot 2\n");
}

#[test]
fn a_hangup_that_was_ignored_before_stays_ignored() {
    let ledger = Ledger::new();
    let script = format!("echo ready; {UNTIL_GO}; exit 4");
    let run = ledger
        .other("sh")
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    let run = run
        .arg(hostledger_tests::hostledger())
        .arg("--data")
        .arg(ledger.data())
        .args(["run", "--", "sh", "-c", &script]);
    let run = Background::begun(&ledger, run.start());
    run.run.signal(Signal::HUP);
    // Shown by the kernel as neither pending nor caught: it is dropped on arrival.
    run.go();
    run.run.wait().expect_code(4);
    assert_eq!(ledger.process()["outcome"], "exited");
}

#[test]
fn a_signal_during_the_start_leaves_neither_a_process_nor_an_open_row() {
    const TRIES: u32 = 25;
    let ledger = Ledger::new();
    ledger.sh("true").expect_code(0);
    let begun = Instant::now();
    ledger.sh("true").expect_code(0);
    let usual = begun.elapsed();

    for ledger in [&ledger, &Ledger::new()] {
        let mut passed_on = 0;
        for number in 0..TRIES {
            let run = ledger.command(["run", "--", "sleep", "60"]).start();
            // From before its first instruction to well after the program has begun.
            pause(usual * 3 * number / (2 * TRIES));
            run.signal_if_alive(Signal::TERM);
            let output = run.wait();
            assert_eq!(ledger.alive(), [""; 0], "try {number}: {}", output.report());
            match output.status.code() {
                Some(143) => passed_on += 1,
                // Not yet heeded: it ended like any program.
                None => drop(output.expect_signal(Signal::TERM)),
                Some(_) => panic!("try {number}: {}", output.report()),
            }
        }
        let processes = ledger.processes();
        for process in &processes {
            assert_eq!(process["status"], "exited", "{process:#}");
        }
        let killed = processes
            .iter()
            .filter(|it| it["outcome"] == "killed")
            .count();
        assert_eq!(
            killed, passed_on,
            "each of them is recorded: {processes:#?}"
        );
        assert!(passed_on > 0, "some came late enough to be passed on");
    }
}

/// Waits for a moment that is not to be waited for in any other way: the test is about when.
fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[test]
fn a_stopped_hostledger_changes_nothing_for_the_program() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, &format!("{UNTIL_GO}; echo went on; exit 6"));
    run.run.stop();
    run.go();
    hostledger_tests::wait_until("the program has ended", || {
        !std::path::Path::new(&format!("/proc/{}/exe", run.pid)).exists()
    });
    assert_eq!(
        record(&ledger, &run.id)["status"],
        "running",
        "its end is not written down yet"
    );
    let output = run.signal(Signal::CONT).expect_code(6);
    assert_eq!(output.stdout_text(), "ready\nwent on\n");
    let process = ledger.process();
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"exited".into(), &6.into())
    );
}

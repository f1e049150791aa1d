//! As the first process of a pid namespace, as in a container, where nobody else reaps orphans.

use std::time::{Duration, Instant};

use hostledger_tests::{Invocation, Ledger, Signal, hostledger, skipped};

use crate::background::{Background, record};

/// The program as pid 1 of a new namespace; what runs there ends with it. None, and a loud word,
/// where that is not allowed.
fn first_process(ledger: &Ledger, arguments: &[&str]) -> Option<Invocation> {
    let alone = || {
        let unshare = ledger.other("unshare");
        unshare.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"])
    };
    if !alone().arg("true").output().status.success() {
        skipped("a pid namespace needs root");
        return None;
    }
    Some(
        alone()
            .arg(hostledger())
            .arg("--data")
            .arg(ledger.data())
            .args(arguments),
    )
}

#[test]
fn a_program_is_run_and_recorded_as_anywhere() {
    let ledger = Ledger::new();
    let run = [
        "run",
        "--",
        "sh",
        "-c",
        "echo hello; cat /proc/$PPID/comm; exit 7",
    ];
    let Some(run) = first_process(&ledger, &run) else {
        return;
    };
    let output = run.output().expect_code(7);
    assert_eq!(output.stdout_text(), "hello\nhostledger-keep\n");
    let process = ledger.process();
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"exited".into(), &7.into())
    );
}

#[test]
fn zombies_that_nobody_reaps_hold_nothing_up() {
    let ledger = Ledger::new();
    let script = "sleep 60 & sleep 61 & kill -s TERM 1; wait";
    let begun = Instant::now();
    let Some(run) = first_process(&ledger, &["run", "--", "sh", "-c", script]) else {
        return;
    };
    run.output().expect_code(143);
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "a grace was waited out: {took:?}"
    );
    assert_eq!(ledger.alive(), [""; 0]);
    assert_eq!(ledger.process()["outcome"], "killed");
}

#[test]
fn a_process_of_a_container_that_is_gone_is_settled_as_lost() {
    let ledger = Ledger::new();
    let run = ["run", "--", "sh", "-c", "echo ready; exec sleep 60"];
    let Some(run) = first_process(&ledger, &run) else {
        return;
    };
    let run = Background::begun(&ledger, run.start());
    // While it is there its pid means nothing outside, and nobody is hit by mistake.
    ledger
        .run(["kill", &run.id])
        .expect_refusal(1, &[&run.id, "namespace"])
        .expect_hint();
    ledger
        .run(["wait", "--timeout", "100ms", &run.id])
        .expect_refusal(124, &[&run.id]);
    let Background { run, id, .. } = run;
    run.signal(Signal::KILL);
    run.wait().expect_signal(Signal::KILL);
    hostledger_tests::wait_until("the container is gone", || ledger.alive().is_empty());
    ledger
        .run(["wait", "--timeout", "10s", &id])
        .expect_refusal(125, &[&id]);
    let process = record(&ledger, &id);
    assert_eq!(
        (&process["status"], &process["outcome"]),
        (&"exited".into(), &"lost".into())
    );
    assert!(process["exit_code"].is_null());
    assert!(ledger.json(["ps"]).is_empty());
}

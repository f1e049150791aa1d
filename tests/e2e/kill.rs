//! Ending processes, and sending them signals.

use std::time::{Duration, Instant};

use hostledger_tests::{Ledger, wait_until};

use crate::background::{Background, UNTIL_GO, record};

/// All obey SIGTERM at once: whatever takes longer has waited for what is not there any more.
const NO_GRACE: Duration = Duration::from_millis(1500);

#[test]
fn a_process_is_asked_to_end_and_the_record_says_by_whom() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "exec sleep 60");
    let killed = ledger.run(["kill", &run.id]).expect_code(0);
    assert!(
        killed.stdout_text().contains(&run.id),
        "{}",
        killed.report()
    );
    let process = record(&ledger, &run.id);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"killed".into(), &143.into())
    );
    assert_eq!(process["stop"]["signal"], 15);
    assert!(
        process["stop"]["by"]
            .as_str()
            .unwrap()
            .contains("hostledger"),
        "{process:#}"
    );
    run.run.wait().expect_code(143);
}

#[test]
fn what_a_process_has_started_ends_with_it() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "sleep 60 & sleep 61 & wait");
    wait_until("all are there", || ledger.alive().len() == 4);
    let begun = Instant::now();
    ledger.run(["kill", &run.id]).expect_code(0);
    run.run.wait().expect_code(143);
    assert!(begun.elapsed() < NO_GRACE, "{:?}", begun.elapsed());
    assert_eq!(ledger.alive(), [""; 0]);
}

#[test]
fn a_process_that_cleans_up_is_given_the_time() {
    let ledger = Ledger::new();
    let script = format!("trap 'sleep 0.3; echo tidy; exit 4' TERM; {UNTIL_GO}");
    let run = Background::start(&ledger, &script);
    ledger.run(["kill", &run.id]).expect_code(0);
    let output = run.run.wait().expect_code(4);
    assert_eq!(output.stdout_text(), "ready\ntidy\n");
    let process = ledger.process();
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"killed".into(), &4.into())
    );
}

#[test]
fn a_process_that_ignores_the_request_is_killed_after_the_grace() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "trap '' TERM; while :; do sleep 0.05; done");
    let begun = Instant::now();
    let killed = ledger
        .run(["kill", "--grace", "300ms", &run.id])
        .expect_code(0);
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(300) && took < Duration::from_secs(4),
        "{took:?}"
    );
    assert!(
        killed.stdout_text().contains("300ms"),
        "{}",
        killed.report()
    );
    run.run.wait().expect_code(137);
    let process = ledger.process();
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"killed".into(), &137.into())
    );
}

#[test]
fn a_stopped_process_can_be_ended() {
    let ledger = Ledger::new();
    let run = Background::start(&ledger, "exec sleep 60");
    ledger
        .run(["kill", "--signal", "STOP", &run.id])
        .expect_code(0);
    wait_until("it is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", run.pid)).unwrap();
        stat.contains(") T ")
    });
    let begun = Instant::now();
    ledger.run(["kill", &run.id]).expect_code(0);
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "by SIGTERM, not after the grace"
    );
    run.run.wait().expect_code(143);
}

#[test]
fn a_signal_is_sent_by_name_or_number_to_the_process_alone() {
    let ledger = Ledger::new();
    let script = "trap 'echo usr1' USR1; trap 'echo hup' HUP; trap 'exit 6' TERM; \
                  while :; do sleep 0.02; done";
    let run = Background::start(&ledger, script);
    let mut said = "ready\n".to_owned();
    for (name, says) in [
        ("USR1", "usr1"),
        ("SIGUSR1", "usr1"),
        ("10", "usr1"),
        ("hup", "hup"),
    ] {
        let sent = ledger
            .run(["kill", "--signal", name, &run.id])
            .expect_code(0);
        let signal = says.to_uppercase();
        assert!(sent.stdout_text().contains(&signal), "{}", sent.report());
        said = format!("{said}{says}\n");
        run.run.wait_stdout(said.as_bytes());
    }
    assert!(
        record(&ledger, &run.id).get("stop").is_none(),
        "none was a request to end"
    );
    ledger
        .run(["kill", "--signal", "term", &run.id])
        .expect_code(0);
    run.run.wait().expect_code(6);
    assert_eq!(ledger.process()["outcome"], "killed");
}

#[test]
fn several_are_ended_at_the_same_time() {
    let ledger = Ledger::new();
    let script = "echo ready; trap '' TERM; while :; do sleep 0.05; done";
    let runs: Vec<_> = (0..3)
        .map(|_| ledger.command(["run", "--", "sh", "-c", script]).start())
        .collect();
    for run in &runs {
        run.wait_stdout(b"ready\n");
    }
    wait_until("all ignore it", || {
        let pids = ledger
            .json(["ps"])
            .into_iter()
            .map(|it| it["pid"].as_i64().unwrap());
        let ignoring = pids.filter(|pid| ignores_term(*pid));
        ignoring.count() == 3
    });
    let ids: Vec<_> = ledger
        .json(["ps"])
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    let begun = Instant::now();
    let killed = ledger
        .command(["kill", "--grace", "1s"])
        .args(&ids)
        .output()
        .expect_code(0);
    assert!(
        begun.elapsed() < Duration::from_millis(2500),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(killed.stdout_text().lines().count(), 3);
    for run in runs {
        run.wait().expect_code(137);
    }
}

fn ignores_term(pid: i64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(ignored.unwrap_or("0").trim(), 16).unwrap();
    ignored & (1 << 14) != 0
}

#[test]
fn what_has_ended_cannot_be_ended_again() {
    let ledger = Ledger::new();
    ledger.sh("exit 3").expect_code(3);
    let process = ledger.process();
    let id = process["id"].as_str().unwrap();
    for options in [&["kill"][..], &["kill", "--signal", "KILL"]] {
        let refused = ledger.command(options).arg(id).output();
        refused.expect_refusal(1, &[id, "ended already"]);
    }
    assert_eq!(ledger.process(), process, "its record stays as it was");
}

#[test]
fn what_is_no_signal_or_time_is_bad_usage() {
    let ledger = Ledger::new();
    for (option, value) in [
        ("--signal", "NOSUCH"),
        ("--signal", "0"),
        ("--signal", "999"),
        ("--grace", "soon"),
        ("--grace", "-1s"),
    ] {
        ledger
            .run(["kill", &format!("{option}={value}"), "01"])
            .expect_refusal(2, &[option, value]);
    }
}

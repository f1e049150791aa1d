//! Programs in the background: nobody we know of is their parent, and they are accounted for all
//! the same.

use std::fs;

use hostledger_tests::{Ledger, wait_until};

use crate::background::{UNTIL_GO, record};

/// Starts a script in the background and gives its id.
#[track_caller]
pub(crate) fn detach(ledger: &Ledger, options: &[&str], script: &str) -> String {
    let run = ledger.command(["run", "--detach"]).args(options);
    let run = run.args(["--", "sh", "-c", script]).output();
    run.expect_code(0).stdout_text().trim_end().to_owned()
}

#[test]
fn its_true_code_is_recorded() {
    let ledger = Ledger::new();
    for (script, outcome, code) in [
        ("exit 0", "exited", 0),
        ("exit 3", "exited", 3),
        ("exit 255", "exited", 255),
        ("kill -s SEGV $$", "signaled", 139),
        ("kill -s TERM $$", "signaled", 143),
        ("kill -s KILL $$", "signaled", 137),
    ] {
        let id = detach(&ledger, &[], script);
        ledger.run(["wait", &id]).expect_code(code);
        let process = record(&ledger, &id);
        assert_eq!(process["outcome"], outcome, "{process:#}");
        assert_eq!(process["exit_code"], code, "{process:#}");
        assert!(process["cpu_user_us"].is_u64(), "{process:#}");
    }
}

#[test]
fn an_end_long_before_anybody_asks_is_known() {
    let ledger = Ledger::new();
    let id = detach(&ledger, &[], "exit 3");
    wait_until("it has gone, and its keeper", || ledger.alive().is_empty());
    let process = record(&ledger, &id);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"exited".into(), &3.into())
    );
}

#[test]
fn the_caller_goes_on_once_it_is_executed_and_keeps_nothing_open_for_it() {
    let ledger = Ledger::new();
    // Its end is the end of its output: nothing in the background has it.
    let id = detach(&ledger, &[], &format!("{UNTIL_GO}; exit 6"));
    assert_eq!(record(&ledger, &id)["status"], "running");
    fs::write(ledger.path("go"), "").unwrap();
    ledger.run(["wait", &id]).expect_code(6);
}

#[test]
fn what_cannot_be_executed_is_told_to_the_caller() {
    let ledger = Ledger::new();
    let run = ledger.run(["run", "--detach", "--", "/nonexistent"]);
    run.expect_code(127);
    assert_eq!(ledger.process()["outcome"], "spawn_failed");
}

#[test]
fn it_reads_nothing_and_leaves_the_input_to_others() {
    let ledger = Ledger::new();
    let run = ledger.command(["run", "--detach", "--", "sh", "-c", "cat; exit 4"]);
    let script = format!("{} >&2; cat", run.typed());
    let output = ledger.other("sh").args(["-c", &script]).input("for cat\n");
    assert_eq!(output.output().expect_code(0).stdout_text(), "for cat\n");
    let id = ledger.last_id();
    ledger.run(["wait", &id]).expect_code(4);
    assert_eq!(record(&ledger, &id)["stdout_bytes"], 0);
}

#[test]
fn two_in_one_directory_do_not_write_into_each_others_logs() {
    let ledger = Ledger::new();
    let ids = ["one", "two"].map(|word| {
        let script = format!("echo {word}; {UNTIL_GO}; echo {word} again");
        (word, detach(&ledger, &[], &script))
    });
    fs::write(ledger.path("go"), "").unwrap();
    for (word, id) in ids {
        ledger.run(["wait", &id]).expect_code(0);
        let said = format!("{word}\n{word} again\n");
        let logs = ledger.run(["logs", &id]).expect_code(0);
        assert_eq!(logs.stdout_text(), said);
    }
}

#[test]
fn output_that_is_no_text_is_kept_and_the_end_recorded() {
    let ledger = Ledger::new();
    let id = detach(&ledger, &[], r"printf 'a\377\376\000b'; exit 5");
    ledger.run(["wait", &id]).expect_code(5);
    assert_eq!(
        ledger.run(["logs", &id]).expect_code(0).stdout,
        b"a\xff\xfe\0b"
    );
    for log in fs::read_dir(ledger.data().join("processes")).unwrap() {
        fs::remove_file(log.unwrap().path()).unwrap();
    }
    let kept = ledger.run(["logs", &id]).expect_code(0);
    assert_eq!(kept.stdout_text(), "a\u{fffd}\u{fffd}\u{fffd}b");
}

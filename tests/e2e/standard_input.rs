//! What a program reads.

use hostledger_tests::Ledger;

use crate::background::Background;

#[test]
fn standard_input_passes_through() {
    let ledger = Ledger::new();
    let output = ledger.command(["run", "--", "cat"]).input("x\n").output();
    assert_eq!(output.expect_code(0).stdout_text(), "x\n");
    let much = vec![b'x'; 1 << 20];
    let output = ledger
        .command(["run", "--", "cat"])
        .input(much.clone())
        .output();
    assert!(output.expect_code(0).stdout == much);
}

#[test]
fn a_conversation_with_a_program_goes_both_ways() {
    let ledger = Ledger::new();
    let mut cat = ledger.command(["run", "--", "cat"]).silent_input().start();
    for (said, heard) in [("a", "a"), ("b\n", "ab\n"), ("\0\u{ff}", "ab\n\0\u{ff}")] {
        cat.write(said.as_bytes());
        cat.wait_stdout(heard.as_bytes());
    }
    cat.close_input();
    cat.wait().expect_code(0);
}

#[test]
fn no_stdin_leaves_the_input_to_others() {
    let ledger = Ledger::new();
    let output = ledger
        .other("sh")
        .args(["-c", "\"$@\"; echo then; cat", "sh"])
        .arg(hostledger_tests::hostledger())
        .arg("--data")
        .arg(ledger.data())
        .args(["run", "--no-stdin", "--", "cat"])
        .input("for the one that comes next\n")
        .output()
        .expect_code(0);
    assert_eq!(output.stdout_text(), "then\nfor the one that comes next\n");
}

#[test]
fn without_stdin_a_program_sees_the_end_at_once() {
    let ledger = Ledger::new();
    let script = "echo ready; readlink /proc/self/fd/0; cat";
    let run = ["run", "--no-stdin", "--", "sh", "-c", script];
    let output = ledger.command(run).silent_input().output().expect_code(0);
    assert_eq!(output.stdout_text(), "ready\n/dev/null\n");
}

#[test]
fn a_program_that_does_not_read_is_no_obstacle() {
    let ledger = Ledger::new();
    let run = ["run", "--", "sh", "-c", "exit 3"];
    ledger
        .command(run)
        .input(vec![b'x'; 1 << 20])
        .output()
        .expect_code(3);
    // Nor is one that reads what never comes, when it is ended.
    let cat = ["run", "--", "sh", "-c", "echo ready; cat"];
    let waiting = ledger.command(cat).silent_input().start();
    Background::begun(&ledger, waiting).end(&ledger);
}

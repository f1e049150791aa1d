//! On a terminal, under an interactive shell.

use std::fs;

use hostledger_tests::{Ledger, Terminal, Tmux, wait_until};
use serde_json::Value;

use crate::background::{UNTIL_GO, record};

/// The command line that runs a script, as it is typed.
fn typed(ledger: &Ledger, options: &[&str], script: &str) -> String {
    // From a file, so that what is typed does not look like what is answered.
    fs::write(ledger.path("script"), script).unwrap();
    let command = ledger.command(["run"]).args(options);
    command.args(["--", "sh", "./script"]).typed()
}

/// The record of the only process, once it has ended.
fn ended(ledger: &Ledger) -> Value {
    let id = ledger.last_id();
    ledger.run(["wait", &id, "--timeout", "20s"]);
    record(ledger, &id)
}

/// The only process that runs, once there is one.
fn running_pid(ledger: &Ledger) -> i32 {
    let mut pid = None;
    wait_until("a process runs", || {
        pid = ledger
            .json(["ps"])
            .first()
            .and_then(|process| process["pid"].as_i64());
        pid.is_some()
    });
    pid.unwrap().try_into().unwrap()
}

#[test]
fn with_t_the_program_has_our_terminal() {
    let ledger = Ledger::new();
    let mut terminal = Terminal::new(&ledger);
    let script = "test -t 0 && test -t 1 && test -t 2 && (: </dev/tty) && stty size; exit 3";
    terminal.enter(&format!(
        "{}; echo code $?",
        typed(&ledger, &["-t"], script)
    ));
    terminal.expect("24 80");
    terminal.expect("code 3");
    let process = ended(&ledger);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"exited".into(), &3.into())
    );
    assert_eq!(
        (&process["stdout"], &process["stderr"]),
        (&"terminal".into(), &"terminal".into())
    );
    let id = process["id"].as_str().unwrap();
    ledger
        .run(["logs", id])
        .expect_refusal(1, &[id, "terminal"])
        .expect_hint();
}

#[test]
fn without_t_the_program_sees_no_terminal() {
    let ledger = Ledger::new();
    let mut terminal = Terminal::new(&ledger);
    let script = "for fd in 1 2; do test -t $fd && echo $fd is one; done; \
                  (: </dev/tty) 2>/dev/null && echo has one; echo looked";
    terminal.enter(&typed(&ledger, &[], script));
    terminal.expect_prompt();
    let logs = ledger.run(["logs", &ledger.last_id()]).expect_code(0);
    assert_eq!(logs.stdout_text(), "looked\n");
}

#[test]
fn what_is_typed_can_be_read_without_t() {
    let ledger = Ledger::new();
    let mut terminal = Terminal::new(&ledger);
    terminal.enter(&typed(
        &ledger,
        &[],
        "echo started; read line; echo got $line",
    ));
    terminal.expect("started");
    terminal.enter("text");
    terminal.expect("got text");
    terminal.expect_prompt();
}

#[test]
fn ctrl_c_ends_a_program_that_does_not_handle_it() {
    for options in [&[][..], &["-t"]] {
        let ledger = Ledger::new();
        let mut terminal = Terminal::new(&ledger);
        let command = typed(&ledger, options, "echo started; exec sleep 60");
        terminal.enter(&format!("{command}; echo code $?"));
        terminal.expect("started");
        terminal.type_in("\x03");
        terminal.expect("code 130");
        wait_until("it has gone", || ledger.json(["ps"]).is_empty());
        assert_eq!(ended(&ledger)["exit_code"], 130, "{options:?}");
    }
}

#[test]
fn ctrl_c_comes_once_to_a_program_that_handles_it() {
    for options in [&[][..], &["-t"]] {
        let ledger = Ledger::new();
        let mut terminal = Terminal::new(&ledger);
        let script = "n=0; trap 'n=$((n+1)); echo caught $n' INT; echo started; \
                      while [ ! -e go ]; do sleep 0.02; done; echo in all $n; exit 4";
        terminal.enter(&format!(
            "{}; echo code $?",
            typed(&ledger, options, script)
        ));
        terminal.expect("started");
        terminal.type_in("\x03");
        terminal.expect("caught 1");
        fs::write(ledger.path("go"), "").unwrap();
        terminal.expect("in all 1");
        terminal.expect("code 4");
        assert_eq!(ended(&ledger)["exit_code"], 4, "{options:?}");
    }
}

#[test]
fn ctrl_z_and_fg_work_with_t() {
    let ledger = Ledger::new();
    let mut terminal = Terminal::new(&ledger);
    let script = "echo started; read line; echo got $line; exit 5";
    terminal.enter(&format!(
        "{}; echo code $?",
        typed(&ledger, &["-t"], script)
    ));
    terminal.expect("started");
    let pid = running_pid(&ledger);
    for _ in 0..3 {
        terminal.type_in("\x1a");
        terminal.expect_prompt();
        terminal.wait_state(pid, 'T');
        terminal.enter("echo in-'f'ront");
        terminal.expect("in-front");
        terminal.expect_prompt();
        terminal.enter("fg");
        terminal.wait_state(pid, 'S');
    }
    terminal.enter("text");
    terminal.expect("got text");
    terminal.expect_prompt();
    assert_eq!(ended(&ledger)["exit_code"], 5);
}

#[test]
fn ctrl_z_and_fg_work_without_t() {
    let ledger = Ledger::new();
    let mut terminal = Terminal::new(&ledger);
    terminal.enter(&typed(
        &ledger,
        &[],
        &format!("echo started; {UNTIL_GO}; echo finished"),
    ));
    terminal.expect("started");
    terminal.type_in("\x1a");
    terminal.expect_prompt();
    fs::write(ledger.path("go"), "").unwrap();
    // The program is in a session of its own and was not stopped.
    wait_until("it has gone on", || {
        let logs = ledger.run(["logs", &ledger.last_id()]);
        logs.stdout_text().contains("finished")
    });
    terminal.enter("fg");
    terminal.expect("finished");
    terminal.expect_prompt();
    let process = ended(&ledger);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"exited".into(), &0.into())
    );
}

#[test]
fn a_program_killed_in_raw_mode_leaves_a_usable_terminal() {
    let ledger = Ledger::new();
    let mut terminal = Terminal::new(&ledger);
    let script = "stty raw -echo; kill -9 $$";
    terminal.enter(&format!(
        "{}; echo code $?",
        typed(&ledger, &["-t"], script)
    ));
    terminal.expect("code 137");
    assert!(terminal.is_cooked());
    assert_eq!(ended(&ledger)["outcome"], "signaled");
}

#[test]
fn a_terminal_that_hangs_up_ends_the_program() {
    for options in [&[][..], &["-t"]] {
        let ledger = Ledger::new();
        let mut terminal = Terminal::new(&ledger);
        terminal.enter(&typed(&ledger, options, "echo started; exec sleep 60"));
        terminal.expect("started");
        drop(terminal);
        wait_until("nothing runs any more", || ledger.alive().is_empty());
        let process = ended(&ledger);
        assert_eq!(process["exit_code"], 129, "{options:?}: {process:#}");
    }
}

#[test]
fn an_editor_works_in_a_terminal_emulator_as_if_we_were_not_there() {
    let ledger = Ledger::new();
    let Some(tmux) = Tmux::new(&ledger) else {
        return;
    };
    let edit = ledger.command(["run", "-t", "--", "vim", "-u", "NONE", "-N", "text"]);
    if !hostledger_tests::installed("vim") {
        assert!(std::env::var_os("CI").is_none(), "CI needs vim");
        return hostledger_tests::skipped("vim is not installed");
    }
    tmux.type_in(&edit.typed());
    tmux.press("Enter");
    tmux.wait_screen("an empty file", |screen| screen.contains("\"text\" [New]"));
    tmux.type_in("ihello");
    tmux.press("Escape");
    tmux.wait_screen("the text", |screen| screen.starts_with("hello\n"));
    // An editor stops its whole process group itself.
    tmux.press("C-z");
    tmux.wait_screen("the prompt", |screen| screen.trim_end().ends_with("ready$"));
    tmux.type_in("fg");
    tmux.press("Enter");
    tmux.wait_screen("the text again", |screen| screen.starts_with("hello\n~"));
    tmux.type_in(":w");
    tmux.press("Enter");
    wait_until("it is saved", || {
        fs::read_to_string(ledger.path("text")).is_ok_and(|it| it == "hello\n")
    });
    tmux.type_in(":q");
    tmux.press("Enter");
    tmux.wait_screen("the prompt", |screen| screen.trim_end().ends_with("ready$"));
    let process = ended(&ledger);
    assert_eq!(
        (&process["outcome"], &process["exit_code"]),
        (&"exited".into(), &0.into())
    );
    assert_eq!(process["stdout"], "terminal");
    tmux.type_in("exit");
    tmux.press("Enter");
}

#[test]
fn a_list_fits_the_terminal_and_has_colours_unless_they_are_not_wanted() {
    let ledger = Ledger::new();
    let long = "x".repeat(300);
    ledger
        .run(["run", "--", "sh", "-c", "exit 3", &long])
        .expect_code(3);
    let mut terminal = Terminal::new(&ledger);
    for colourless in [false, true] {
        let list = ledger.command(["ps", "--all"]).typed();
        let variable = if colourless { "NO_COLOR=1 " } else { "" };
        terminal.enter(&format!("clear; {variable}{list}; echo e'n'd"));
        terminal.expect("\x1b[");
        terminal.expect("COMMAND");
        let shown = terminal.take_until("end\r\n");
        let rows: Vec<_> = shown
            .lines()
            .filter(|line| line.contains("sh -c"))
            .collect();
        assert_eq!(rows.len(), 1, "{shown:?}");
        assert_eq!(rows[0].contains('\x1b'), !colourless, "{shown:?}");
        let plain = without_colours(rows[0]);
        assert!(plain.chars().count() <= 80, "{plain:?}");
        terminal.expect_prompt();
    }
}

/// What is left without the sequences that set colours.
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

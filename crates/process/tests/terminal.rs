//! A program behind us on a real terminal, under a real shell with job control.
//!
//! A shell runs on a pseudo-terminal; into it is typed a command that runs this very test
//! program again, which then stands behind a program as `TerminalGuard` does.

mod support;

use std::fs;
use std::os::fd::AsFd;

use hostledger_process::{Launch, LaunchSpec, Output, PidSpace, Session, Stdin, TerminalGuard};
use rustix::termios::{LocalModes, tcgetattr};

use support::shell::{Terminal, report, script};
use support::{state, wait_until};

/// Not a test: what the shell of the tests is told to run.
#[test]
fn stand_behind() {
    let Some(script) = script() else {
        return;
    };
    let arguments = vec!["sh".into(), "-c".into(), script];
    let mut spec = LaunchSpec::new(arguments, std::env::current_dir().unwrap());
    spec.environment = std::env::vars_os().collect();
    spec.session = Session::Same;
    spec.stdin = Stdin::Inherit;
    let launch: Launch = spec.check().unwrap();

    let guard = TerminalGuard::begin().unwrap();
    let program = launch
        .start(PidSpace::current().unwrap(), Output::Inherit)
        .unwrap();
    report(
        "pids",
        &format!("{} {}", std::process::id(), program.identity.pid),
    );
    let end = guard.wait(&program.pidfd).unwrap();
    assert_eq!(
        state(program.identity.pid),
        Some('Z'),
        "the end is not written down yet"
    );
    hostledger_sys::reap(&program.pidfd).unwrap();
    report("end", &format!("{:?}", end.termination().unwrap()));
}

#[test]
fn we_stop_with_a_program_that_stops_itself_and_go_on_with_it() {
    let terminal = Terminal::new("stand_behind");
    let pids = terminal.run("kill -STOP $$; echo went-on; exit 4");
    terminal.wait_stopped(pids);
    // The shell has seen it and has the terminal again.
    terminal.type_in("echo in-front\n");
    terminal.wait_shown("in-front");
    terminal.type_in("fg\n");
    terminal.wait_shown("went-on");
    assert_eq!(terminal.wait_report("end"), "Exited(4)");
}

#[test]
fn ctrl_z_stops_the_program_and_fg_brings_it_back_with_its_terminal() {
    let terminal = Terminal::new("stand_behind");
    let pids = terminal.run("echo started; read line; echo got $line; exit 2");
    terminal.wait_shown("started");
    for _ in 0..20 {
        terminal.type_in("\x1a");
        terminal.wait_stopped(pids);
        terminal.type_in("fg\n");
        wait_until("both go on", || {
            state(pids.0).is_some_and(|it| it != 'T') && state(pids.1).is_some_and(|it| it != 'T')
        });
    }
    terminal.type_in("text\n");
    terminal.wait_shown("got text");
    assert_eq!(terminal.wait_report("end"), "Exited(2)");
}

#[test]
fn a_program_that_ignores_ctrl_z_does_not_lose_its_terminal() {
    let terminal = Terminal::new("stand_behind");
    let pids = terminal.run("trap '' TSTP; echo started; read line; echo got $line");
    terminal.wait_shown("started");
    terminal.type_in("\x1atext\n");
    terminal.wait_shown("got text");
    assert_eq!(terminal.wait_report("end"), "Exited(0)");
    wait_until("we have ended", || state(pids.0).is_none());
}

#[test]
fn ctrl_c_and_ctrl_backslash_are_the_programs_to_answer() {
    let terminal = Terminal::new("stand_behind");
    terminal.run(
        "trap 'echo caught' INT; trap 'exit 3' QUIT; echo started; \
         while :; do sleep 0.05; done",
    );
    terminal.wait_shown("started");
    terminal.type_in("\x03");
    terminal.wait_shown("caught");
    terminal.type_in("\x1c");
    assert_eq!(terminal.wait_report("end"), "Exited(3)");
}

#[test]
fn ctrl_c_ends_a_program_that_does_not_handle_it() {
    let terminal = Terminal::new("stand_behind");
    terminal.run("echo started; exec sleep 60");
    terminal.wait_shown("started");
    terminal.type_in("\x03");
    assert_eq!(terminal.wait_report("end"), "Signaled(2)");
}

#[test]
fn a_program_in_the_background_stops_when_it_reads_and_we_with_it() {
    let terminal = Terminal::new("stand_behind");
    let pids = terminal.run("kill -STOP $$; read line; echo got $line");
    terminal.wait_stopped(pids);
    terminal.type_in("bg\n");
    wait_until("the shell says it goes on", || {
        terminal.shown().matches("[1]").count() >= 2
    });
    terminal.wait_stopped(pids);
    terminal.type_in("fg\ntext\n");
    terminal.wait_shown("got text");
    assert_eq!(terminal.wait_report("end"), "Exited(0)");
}

#[test]
fn the_terminals_modes_come_back_when_a_signal_ends_the_program() {
    let terminal = Terminal::new("stand_behind");
    let pids = terminal.run("stty raw -echo; kill -9 $$");
    assert_eq!(terminal.wait_report("end"), "Signaled(9)");
    wait_until("we have ended", || state(pids.0).is_none());
    let modes = tcgetattr(terminal.keyboard.as_fd()).unwrap().local_modes;
    assert!(
        modes.contains(LocalModes::ECHO | LocalModes::ICANON),
        "{modes:?}"
    );
}

#[test]
fn an_editor_works_as_if_we_were_not_there() {
    if !fs::exists("/usr/bin/vim").unwrap() {
        println!("SKIPPED: no /usr/bin/vim here");
        return;
    }
    let terminal = Terminal::new("stand_behind");
    let pids = terminal.run("exec vim -u NONE -N text");
    // Typed before that, the keys would be the terminal's own.
    terminal.wait_shown("\"text\" [New]");
    terminal.type_in("ihello\x1b");
    terminal.wait_shown("hello");
    // vim stops its whole process group.
    terminal.type_in("\x1a");
    terminal.wait_stopped(pids);
    let drawn = terminal.shown().matches("hello").count();
    terminal.type_in("fg\n");
    wait_until("the editor draws again", || {
        terminal.shown().matches("hello").count() > drawn
    });
    terminal.type_in(":wq\r");
    assert_eq!(terminal.wait_report("end"), "Exited(0)");
    assert_eq!(
        fs::read_to_string(terminal.place.path("text")).unwrap(),
        "hello\n"
    );
}

//! Standing between a program and the user's terminal under a shell that stops and continues us.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::File;

use hostledger_process::{LaunchSpec, Output, PidSpace, Pidfd, Pty, Session, Signal};
use rustix::process::Pid;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use support::shell::{Terminal, report, script};
use support::{state, wait_until};

/// Not a test: what the shell of the tests is told to run.
#[test]
fn stand_between() {
    let Some(script) = script() else {
        return;
    };
    let arguments = vec!["sh".into(), "-c".into(), script];
    let mut spec = LaunchSpec::new(arguments, std::env::current_dir().unwrap());
    spec.environment = std::env::vars_os().collect();
    spec.session = Session::Terminal;
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let pty = Pty::open(&input).unwrap();
    let terminal = std::os::fd::AsFd::as_fd(&pty.terminal);
    let launch = spec.check().unwrap();
    let program = launch.start(PidSpace::current().unwrap(), Output::Given([terminal; 3]));
    let program = program.unwrap();
    let pids = format!("{} {}", std::process::id(), program.identity.pid);
    report("pids", &pids);
    let log = File::create("log").unwrap();
    pty.master
        .relay(&input, &output, &log, &program.pidfd)
        .unwrap();
    let end = hostledger_sys::reap(&program.pidfd).unwrap().unwrap();
    report("end", &format!("{:?}", end.status));
}

/// The modes that a terminal usually has and a raw one does not.
const USUAL: LocalModes = LocalModes::ICANON.union(LocalModes::ISIG);

fn modes_of(terminal: &Terminal) -> LocalModes {
    tcgetattr(&terminal.keyboard).unwrap().local_modes
}

fn process(pid: hostledger_model::Pid) -> Pidfd {
    Pidfd::open(Pid::from_raw(pid.get()).unwrap()).unwrap()
}

fn wait_raw(terminal: &Terminal) {
    wait_until("it is raw", || !modes_of(terminal).intersects(USUAL));
}

#[test]
fn nobody_stops_us_by_a_terminal_stop_while_the_users_terminal_is_raw() {
    let terminal = Terminal::new("stand_between");
    let before = modes_of(&terminal);
    let pids = terminal.run("echo started; while read line; do echo \"got $line\"; done; exit 6");
    terminal.wait_shown("started");
    wait_raw(&terminal);
    for round in 0..3 {
        process(pids.0).send_signal(Signal::TSTP).unwrap();
        terminal.type_in(&format!("after-{round}\r"));
        terminal.wait_shown(&format!("got after-{round}"));
        assert_ne!(state(pids.0), Some('T'));
    }
    terminal.type_in("\x04");
    assert!(terminal.wait_report("end").contains("Exited(6)"));
    wait_until("it is as before", || modes_of(&terminal) == before);
}

#[test]
fn a_stop_that_nobody_can_prevent_ends_with_the_terminal_raw_again() {
    let terminal = Terminal::new("stand_between");
    let before = modes_of(&terminal);
    let pids = terminal.run("echo started; while read line; do echo \"got $line\"; done; exit 5");
    terminal.wait_shown("started");
    for round in 0..3 {
        wait_raw(&terminal);
        process(pids.0).send_signal(Signal::STOP).unwrap();
        wait_until("we are stopped", || state(pids.0) == Some('T'));
        terminal.type_in(&format!("stty sane; echo in-front-{round}\r\n"));
        terminal.wait_shown(&format!("in-front-{round}"));
        wait_until("the shell has its modes", || {
            modes_of(&terminal).contains(USUAL)
        });
        terminal.type_in("fg\n");
        wait_raw(&terminal);
        terminal.type_in(&format!("after-{round}\r"));
        terminal.wait_shown(&format!("got after-{round}"));
    }
    terminal.type_in("\x04");
    assert!(terminal.wait_report("end").contains("Exited(5)"));
    wait_until("it is as before", || modes_of(&terminal) == before);
}

#[test]
fn a_change_of_the_users_window_reaches_the_program_by_itself() {
    let terminal = Terminal::new("stand_between");
    terminal.run("trap 'stty size; exit 4' WINCH; echo started; while :; do sleep 0.02; done");
    terminal.wait_shown("started");
    wait_raw(&terminal);
    let size = Winsize {
        ws_row: 33,
        ws_col: 77,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal.keyboard, size).unwrap();
    terminal.wait_shown("33 77");
    assert!(terminal.wait_report("end").contains("Exited(4)"));
}

//! A program behind us on a real terminal, under a real shell with job control.
//!
//! A shell runs on a pseudo-terminal; into it is typed a command that runs this very test
//! program again, which then stands behind a program as `TerminalGuard` does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::thread;

use hostledger_model::Pid;
use hostledger_process::{Launch, LaunchSpec, Output, PidSpace, Session, Stdin, TerminalGuard};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use support::{Place, Running, state, wait_until};

/// Says to the program below what to run.
const SCRIPT: &str = "HOSTLEDGER_TEST_SCRIPT";

/// Not a test: what the shell of the tests is told to run.
#[test]
fn stand_behind() {
    let Some(script) = std::env::var_os(SCRIPT) else {
        return;
    };
    let directory = std::env::current_dir().unwrap();
    let report = |name: &str, text: String| {
        fs::write(directory.join("report.new"), text).unwrap();
        fs::rename(directory.join("report.new"), directory.join(name)).unwrap();
    };
    let arguments = vec!["sh".into(), "-c".into(), script];
    let mut spec = LaunchSpec::new(arguments, directory.clone());
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
        format!("{} {}", std::process::id(), program.identity.pid),
    );
    let end = guard.wait(&program.pidfd).unwrap();
    assert_eq!(
        state(program.identity.pid),
        Some('Z'),
        "the end is not written down yet"
    );
    hostledger_sys::reap(&program.pidfd).unwrap();
    report("end", format!("{:?}", end.termination().unwrap()));
}

/// A shell on a terminal, and what appears there.
struct Terminal {
    place: Place,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    _shell: Running,
}

impl Terminal {
    fn new() -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let keyboard = keyboard.unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new())
            .unwrap()
            .into_string()
            .unwrap();
        let keyboard = File::from(keyboard);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut output, shown) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // EIO when the last one on the terminal has gone.
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });

        let place = Place::new();
        // The leader of a new session gets the first terminal it opens as its own.
        let script = format!("exec sh -im <{name} >{name} 2>&1");
        let mut spec = place.spec(["sh", "-c", &script]);
        for (name, value) in [("TERM", "vt100"), ("PS1", "ready$ "), ("ENV", "")] {
            spec.environment.push((name.into(), OsString::from(value)));
        }
        let shell = place.run(spec);
        let terminal = Self {
            place,
            keyboard,
            screen,
            _shell: shell,
        };
        terminal.wait_shown("ready$ ");
        terminal
    }

    fn type_in(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).unwrap();
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    fn wait_shown(&self, text: &str) {
        wait_until(&format!("{text:?} on the screen"), || {
            let shown = self.shown();
            // What was typed is shown too, so look behind the last command line.
            let output = shown
                .rsplit_once("--nocapture")
                .map_or(&*shown, |(_, output)| output);
            output.contains(text)
        });
    }

    /// Runs a script behind us in the foreground of the shell; gives our pid and the script's.
    fn run(&self, script: &str) -> (Pid, Pid) {
        let program = std::env::current_exe().unwrap();
        let file = self.place.path("script");
        fs::write(&file, script).unwrap();
        let mut line = format!(
            "cd {}; {SCRIPT}=\"$(cat script)\" ",
            self.place.path("").display()
        );
        writeln!(
            line,
            "{} --exact stand_behind --nocapture",
            program.display()
        )
        .unwrap();
        self.type_in(&line);
        let pids = self.wait_report("pids");
        let (ours, its) = pids.split_once(' ').unwrap();
        let pid = |text: &str| Pid::new(text.parse().unwrap()).unwrap();
        (pid(ours), pid(its))
    }

    fn wait_report(&self, name: &str) -> String {
        let file = self.place.path(name);
        wait_until(
            &format!("{name}; the screen shows\n{}", self.shown()),
            || file.exists(),
        );
        fs::read_to_string(file).unwrap()
    }

    fn wait_stopped(&self, pids: (Pid, Pid)) {
        wait_until("both are stopped", || {
            state(pids.0) == Some('T') && state(pids.1) == Some('T')
        });
    }
}

#[test]
fn we_stop_with_a_program_that_stops_itself_and_go_on_with_it() {
    let terminal = Terminal::new();
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
    let terminal = Terminal::new();
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
    let terminal = Terminal::new();
    let pids = terminal.run("trap '' TSTP; echo started; read line; echo got $line");
    terminal.wait_shown("started");
    terminal.type_in("\x1atext\n");
    terminal.wait_shown("got text");
    assert_eq!(terminal.wait_report("end"), "Exited(0)");
    wait_until("we have ended", || state(pids.0).is_none());
}

#[test]
fn ctrl_c_and_ctrl_backslash_are_the_programs_to_answer() {
    let terminal = Terminal::new();
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
    let terminal = Terminal::new();
    terminal.run("echo started; exec sleep 60");
    terminal.wait_shown("started");
    terminal.type_in("\x03");
    assert_eq!(terminal.wait_report("end"), "Signaled(2)");
}

#[test]
fn a_program_in_the_background_stops_when_it_reads_and_we_with_it() {
    let terminal = Terminal::new();
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
    let terminal = Terminal::new();
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
    let terminal = Terminal::new();
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

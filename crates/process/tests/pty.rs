//! Programs on a terminal of ours, in front of a user's that is a real one as well.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::io::{Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use hostledger_model::{Pid, Termination};
use hostledger_process::{Output, PidSpace, Pidfd, Pty, PtyError, Session, Signal};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use support::{Place, Running, state, wait_until};

/// What a user has in front of him.
struct Screen {
    keyboard: File,
    terminal: OwnedFd,
    seen: Arc<Mutex<Vec<u8>>>,
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

impl Screen {
    fn new() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let terminal = ioctl_tiocgptpeer(&keyboard, flags).unwrap();
        tcsetwinsize(&keyboard, size(33, 77)).unwrap();
        let keyboard = File::from(keyboard);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut output, shown) = (keyboard.try_clone().unwrap(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // EIO when nobody has the terminal any more.
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        Self {
            keyboard,
            terminal,
            seen,
        }
    }

    fn type_in(&self, keys: &[u8]) {
        (&self.keyboard).write_all(keys).unwrap();
    }

    fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }

    fn wait_seen(&self, text: &str) {
        wait_until(&format!("{text:?} on the screen"), || {
            String::from_utf8_lossy(&self.seen()).contains(text)
        });
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.terminal).unwrap()
    }

    fn is_raw(&self) -> bool {
        let cooked = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        !self.modes().local_modes.intersects(cooked)
    }
}

/// A program on a terminal between, and the relay of it.
struct Between {
    running: Running,
    relaying: Option<JoinHandle<Result<u64, PtyError>>>,
    _place: Place,
}

impl Between {
    /// Relays from the screen to the screen.
    fn start(screen: &Screen, script: &str) -> Self {
        let input = screen.terminal.try_clone().unwrap();
        Self::start_with(screen, script, input, None, None)
    }

    fn start_with(
        screen: &Screen,
        script: &str,
        input: OwnedFd,
        output: Option<OwnedFd>,
        log: Option<File>,
    ) -> Self {
        let place = Place::new();
        let mut spec = place.spec(["sh", "-c", script]);
        spec.session = Session::Terminal;
        let Pty { terminal, master } = Pty::open(&screen.terminal).unwrap();
        let stdio = [terminal.as_fd(); 3];
        let space = PidSpace::current().unwrap();
        let launched = spec.check().unwrap().start(space, Output::Given(stdio));
        let logs = place.new_logs();
        let running = Running {
            launched: launched.unwrap(),
            logs,
        };
        drop(terminal);

        let output = output.unwrap_or_else(|| screen.terminal.try_clone().unwrap());
        let log = log.unwrap_or_else(|| {
            let append = File::options().append(true).open(&running.logs.stdout_path);
            append.unwrap()
        });
        let ended = running.launched.pidfd.try_clone().unwrap();
        let relaying = thread::spawn(move || master.relay(input, output, &log, ended));
        Self {
            running,
            relaying: Some(relaying),
            _place: place,
        }
    }

    /// What the relay says; it has to end by itself.
    fn relayed(&mut self) -> Result<u64, PtyError> {
        let relaying = self.relaying.take().unwrap();
        wait_until("the relay ends", || relaying.is_finished());
        relaying.join().unwrap()
    }

    fn exit_code(&self) -> Option<Termination> {
        self.running.termination()
    }

    fn log(&self) -> Vec<u8> {
        self.running.stdout()
    }
}

fn ourselves() -> Pidfd {
    Pidfd::open(rustix::process::getpid()).unwrap()
}

#[test]
fn the_program_has_a_terminal_of_its_own_in_a_session_of_its_own() {
    let screen = Screen::new();
    let script = "test -t 0 && test -t 1 && test -t 2 && echo mine >/dev/tty; \
                  read -r rest </proc/self/stat; echo \"$$ $rest\"; exit 5";
    let mut between = Between::start(&screen, script);
    let bytes = between.relayed().unwrap();
    let log = String::from_utf8(between.log()).unwrap();
    assert_eq!(bytes, log.len() as u64);
    let (mine, stat) = log.split_once("\r\n").unwrap();
    assert_eq!(mine, "mine");
    let own = stat.split(' ').next().unwrap();
    // State, parent, group, session, terminal, foreground group (proc_pid_stat(5)).
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(fields[3], own, "{stat}");
    assert_ne!(fields[4], "0", "{stat}");
    assert_eq!(fields[5], own, "{stat}");
    assert_eq!(between.exit_code(), Some(Termination::Exited(5)));
    wait_until("all is on the screen", || screen.seen() == log.as_bytes());
}

#[test]
fn every_byte_goes_through_both_ways_and_into_the_log() {
    let screen = Screen::new();
    let script = "stty raw -echo; echo ready; head -c 256 >got; cat got; cat got got >&2";
    let mut between = Between::start(&screen, script);
    screen.wait_seen("ready\n");
    let all: Vec<u8> = (0..=255).collect();
    screen.type_in(&all);
    assert_eq!(between.relayed().unwrap(), 6 + 3 * 256);
    let expected = [b"ready\n", &all.repeat(3)[..]].concat();
    assert_eq!(between.log(), expected);
    wait_until("all is on the screen", || screen.seen() == expected);
}

#[test]
fn nothing_of_the_end_is_missing() {
    let screen = Screen::new();
    let mut between = Between::start(&screen, "stty -opost; seq 1 100000; printf last");
    between.relayed().unwrap();
    let mut expected: Vec<u8> = (1..=100_000)
        .flat_map(|number| format!("{number}\n").into_bytes())
        .collect();
    expected.extend_from_slice(b"last");
    assert!(between.log() == expected);
    // The kernel passes on what is written a moment later, by a thread of its own.
    for _ in 0..100 {
        let mut between = Between::start(&screen, "printf last");
        assert_eq!(between.relayed().unwrap(), 4);
        assert_eq!(between.log(), b"last");
    }
}

#[test]
fn the_keys_that_send_signals_are_the_programs() {
    let screen = Screen::new();
    let script = "trap 'echo caught' INT; trap 'exit 3' QUIT; echo started; \
                  while :; do sleep 0.05; done";
    let mut between = Between::start(&screen, script);
    screen.wait_seen("started");
    screen.type_in(b"\x03");
    screen.wait_seen("caught");
    screen.type_in(b"\x1c");
    between.relayed().unwrap();
    assert_eq!(between.exit_code(), Some(Termination::Exited(3)));
}

#[test]
fn the_program_sees_the_size_of_the_users_terminal_whenever_it_changes() {
    let screen = Screen::new();
    let script = "trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done";
    let between = Between::start(&screen, script);
    screen.wait_seen("33 77");
    tcsetwinsize(&screen.keyboard, size(12, 140)).unwrap();
    // The kernel tells only the group that has the terminal, which is nobody here.
    ourselves().send_signal(Signal::WINCH).unwrap();
    screen.wait_seen("12 140");
    drop(between);
}

#[test]
fn modes_come_back_at_the_end_and_when_the_relay_fails() {
    let screen = Screen::new();
    let before = screen.modes();
    let is_as_before = || {
        let now = screen.modes();
        now.local_modes == before.local_modes
            && now.input_modes == before.input_modes
            && now.output_modes == before.output_modes
    };
    let mut between = Between::start(&screen, "read line; kill -9 $$");
    wait_until("the terminal is raw", || screen.is_raw());
    screen.type_in(b"\r");
    between.relayed().unwrap();
    assert!(is_as_before());

    let (reader, writer) = pipe().unwrap();
    let input = screen.terminal.try_clone().unwrap();
    let script = "read line; echo for nobody; sleep 60";
    let mut between = Between::start_with(&screen, script, input, Some(writer.into()), None);
    wait_until("the terminal is raw", || screen.is_raw());
    drop(reader);
    screen.type_in(b"\r");
    let error = between.relayed().unwrap_err();
    assert!(matches!(error, PtyError::ReaderGone { .. }), "{error}");
    assert!(is_as_before());
}

#[test]
fn the_terminal_is_raw_again_when_we_go_on() {
    let screen = Screen::new();
    let cooked = screen.modes();
    let mut between = Between::start(&screen, "read line; echo got $line");
    wait_until("the terminal is raw", || screen.is_raw());
    // As a shell does that has the terminal while we are stopped.
    tcsetattr(&screen.terminal, OptionalActions::Now, &cooked).unwrap();
    ourselves().send_signal(Signal::CONT).unwrap();
    wait_until("the terminal is raw", || screen.is_raw());
    screen.type_in(b"text\r");
    between.relayed().unwrap();
    assert!(between.log().ends_with(b"got text\r\n"));
}

#[test]
fn others_that_still_write_to_the_terminal_are_not_waited_for() {
    let screen = Screen::new();
    let script = "trap '' HUP; yes & echo $! >left; echo left one behind; exit 4";
    let mut between = Between::start(&screen, script);
    between.relayed().unwrap();
    let log = between.log();
    assert!(String::from_utf8_lossy(&log).contains("left one behind"));
    assert_eq!(between.exit_code(), Some(Termination::Exited(4)));
    // It ends when it can write no more.
    let left = fs::read_to_string(between.running.logs.stdout_path.with_file_name("left"));
    let left = Pid::new(left.unwrap().trim().parse().unwrap()).unwrap();
    wait_until("the other has ended", || {
        state(left).is_none_or(|state| state == 'Z')
    });
}

#[test]
fn the_end_of_what_is_piped_in_is_the_end_for_the_program() {
    let screen = Screen::new();
    for text in ["whole line\n", "part of a line", ""] {
        let (input, mut typed) = pipe().unwrap();
        typed.write_all(text.as_bytes()).unwrap();
        drop(typed);
        let script = "stty -echo; cat >got; echo done";
        let mut between = Between::start_with(&screen, script, input.into(), None, None);
        between.relayed().unwrap();
        assert!(between.log().ends_with(b"done\r\n"), "{text:?}");
        let got = between.running.logs.stdout_path.with_file_name("got");
        assert_eq!(fs::read_to_string(got).unwrap(), text);
    }
}

#[test]
fn a_program_that_reads_nothing_can_still_show_everything() {
    let screen = Screen::new();
    let (input, mut typed) = pipe().unwrap();
    let typing = thread::spawn(move || {
        // Until nobody takes it any more.
        while typed.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let script = "stty raw -echo; head -c 1000000 /dev/zero";
    let mut between = Between::start_with(&screen, script, input.into(), None, None);
    between.relayed().unwrap();
    let zeroes = between.log().iter().filter(|byte| **byte == 0).count();
    assert_eq!(zeroes, 1_000_000);
    typing.join().unwrap();
}

#[test]
fn what_cannot_be_logged_is_shown_and_the_lack_told() {
    let screen = Screen::new();
    let input = screen.terminal.try_clone().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let script = "echo one; echo two";
    let mut between = Between::start_with(&screen, script, input, None, Some(full));
    let error = between.relayed().unwrap_err();
    assert!(matches!(error, PtyError::Log { shown: 10, .. }), "{error}");
    screen.wait_seen("one\r\ntwo\r\n");
}

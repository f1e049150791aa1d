//! A shell on a terminal, with somebody who types and reads.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::ledger::Ledger;
use crate::wait::wait_until;

const PROMPT: &str = "ready$ ";

/// An interactive shell with job control on a pseudo-terminal of 80 columns.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much of what was shown has been expected.
    read: usize,
    shell: Child,
}

impl Terminal {
    /// A shell in the surroundings of a ledger, at its prompt.
    ///
    /// # Panics
    /// There are no terminals to be had.
    #[must_use]
    #[track_caller]
    pub fn new(ledger: &Ledger) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let keyboard = keyboard.unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&keyboard, size).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let name = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let mut options = OpenOptions::new();
        let no_terminal_of_ours = OFlags::NOCTTY.bits().cast_signed();
        options
            .read(true)
            .write(true)
            .custom_flags(no_terminal_of_ours);
        let screen = options.open(name).unwrap();
        let end = || screen.try_clone().unwrap();

        // A session of its own, with this as its terminal.
        let shell = ledger
            .other("setsid")
            .args(["--ctty", "sh", "-im"])
            .env("PS1", PROMPT)
            .env("ENV", "")
            .env("TERM", "vt100")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .into_command()
            .spawn()
            .unwrap();
        let keyboard = File::from(keyboard);
        let mut terminal = Self {
            shown: read_all(keyboard.try_clone().unwrap()),
            keyboard,
            read: 0,
            shell,
        };
        terminal.expect(PROMPT);
        terminal
    }

    /// Presses these keys.
    pub fn type_in(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).unwrap();
    }

    /// Types a command line and presses Enter.
    ///
    /// What is typed is shown as well: expect something else.
    pub fn enter(&self, line: &str) {
        self.type_in(line);
        self.type_in("\r");
    }

    /// Waits until this is shown, behind what was expected before.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let mut end = None;
        let found = crate::wait::holds_within(crate::DEADLINE, || {
            let shown = self.shown.lock().unwrap();
            let unread = &shown[self.read..];
            let at = unread
                .windows(text.len())
                .position(|part| part == text.as_bytes());
            end = at.map(|at| self.read + at + text.len());
            end.is_some()
        });
        assert!(found, "{text:?} was not shown: {:?}", self.unread());
        self.read = end.unwrap();
    }

    /// What is shown from here until this, which is waited for.
    #[track_caller]
    pub fn take_until(&mut self, text: &str) -> String {
        let begin = self.read;
        self.expect(text);
        let shown = self.shown.lock().unwrap();
        String::from_utf8_lossy(&shown[begin..self.read]).into_owned()
    }

    /// Waits for the shell's prompt.
    #[track_caller]
    pub fn expect_prompt(&mut self) {
        self.expect(PROMPT);
    }

    /// What is shown and has not been expected.
    #[must_use]
    pub fn unread(&self) -> String {
        let shown = self.shown.lock().unwrap();
        String::from_utf8_lossy(&shown[self.read..]).into_owned()
    }

    /// Whether the terminal shows what is typed and hands it over line by line, as a shell wants
    /// it while a program runs.
    #[must_use]
    pub fn is_cooked(&self) -> bool {
        let modes = tcgetattr(self.keyboard.as_fd()).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    /// Waits until a process is in this state, by its letter in proc_pid_stat(5).
    #[track_caller]
    pub fn wait_state(&self, pid: i32, state: char) {
        wait_until(
            &format!("{pid} is {state}; shown: {:?}", self.unread()),
            || state_of(pid) == Some(state),
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The terminal hangs up, and with it goes what runs on it.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn state_of(pid: i32) -> Option<char> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    stat.rsplit(") ").next()?.chars().next()
}

/// Collects what is shown, so that nobody waits for us to read it.
fn read_all(mut screen: File) -> Arc<Mutex<Vec<u8>>> {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&shown);
    thread::spawn(move || {
        let mut block = [0; 4096];
        // EIO when the last one on the terminal has gone.
        while let Ok(read @ 1..) = screen.read(&mut block) {
            writer.lock().unwrap().extend_from_slice(&block[..read]);
        }
    });
    shown
}

//! A shell with job control on a terminal, in which this very test program is run again.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;

use hostledger_model::Pid;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{Place, Running, state, wait_until};

/// Says to the test program below the shell what to run.
const SCRIPT: &str = "HOSTLEDGER_TEST_SCRIPT";

/// What a test is told to run, when it is run by the shell below.
pub(crate) fn script() -> Option<OsString> {
    std::env::var_os(SCRIPT)
}

/// Tells the test above what it wants to know, from a test that is run by the shell.
pub(crate) fn report(name: &str, text: &str) {
    fs::write("report.new", text).unwrap();
    fs::rename("report.new", name).unwrap();
}

/// A shell on a terminal, and what appears there.
pub(crate) struct Terminal {
    pub(crate) place: Place,
    pub(crate) keyboard: File,
    /// Which test of the program it is told to run.
    test: &'static str,
    screen: Arc<Mutex<Vec<u8>>>,
    _shell: Running,
}

impl Terminal {
    pub(crate) fn new(test: &'static str) -> Self {
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
            test,
            screen,
            _shell: shell,
        };
        terminal.wait_shown("ready$ ");
        terminal
    }

    pub(crate) fn type_in(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    pub(crate) fn wait_shown(&self, text: &str) {
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
    pub(crate) fn run(&self, script: &str) -> (Pid, Pid) {
        let program = std::env::current_exe().unwrap();
        let file = self.place.path("script");
        fs::write(&file, script).unwrap();
        let mut line = format!(
            "cd {}; {SCRIPT}=\"$(cat script)\" ",
            self.place.path("").display()
        );
        writeln!(
            line,
            "{} --exact {} --nocapture",
            program.display(),
            self.test
        )
        .unwrap();
        self.type_in(&line);
        let pids = self.wait_report("pids");
        let (ours, its) = pids.split_once(' ').unwrap();
        let pid = |text: &str| Pid::new(text.parse().unwrap()).unwrap();
        (pid(ours), pid(its))
    }

    pub(crate) fn wait_report(&self, name: &str) -> String {
        let file = self.place.path(name);
        wait_until(
            &format!("{name}; the screen shows\n{}", self.shown()),
            || file.exists(),
        );
        fs::read_to_string(file).unwrap()
    }

    pub(crate) fn wait_stopped(&self, pids: (Pid, Pid)) {
        wait_until("both are stopped", || {
            state(pids.0) == Some('T') && state(pids.1) == Some('T')
        });
    }
}

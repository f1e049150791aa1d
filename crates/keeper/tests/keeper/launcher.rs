//! A launcher that can be killed: this program, executed once more under another name.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hostledger_keeper::{CloneWay, Event, Table};
use hostledger_model::{KillMode, ProcessId};
use hostledger_sys::{Pidfd, Signal};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::support::{Wish, end_all, launch, start, until, wait_readable};

hostledger_sys::on_load! {
    name: NAME,
    argument: c"1",
    call: be_launcher,
}

const NAME: &std::ffi::CStr = c"hostledger-test-launcher";
const BETWEEN: &str = "\x1e";

/// A launcher and what it launched; all of it goes with this.
pub(crate) struct Launcher {
    pub(crate) directory: TempDir,
    pub(crate) table: Table,
    pub(crate) ids: Vec<ProcessId>,
    child: Child,
}

impl Launcher {
    /// Starts one that launches these scripts, in its directory, and waits until they run or are
    /// refused.
    /// `wishes` are variables of [`be_launcher`].
    pub(crate) fn start(scripts: &[String], wishes: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "it is to be killed, by its handle"
        )]
        let mut command = Command::new("/proc/self/exe");
        let mut child = command
            .arg0(OsString::from(NAME.to_str().unwrap()))
            .arg("1")
            .env("LAUNCHER_DIRECTORY", directory.path())
            .env("LAUNCHER_SCRIPTS", scripts.join(BETWEEN))
            .envs(wishes.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || lines.next().unwrap().unwrap();
        let table = Table::open(Path::new(&next())).unwrap();
        let ids = scripts.iter().map(|_| next().parse().unwrap()).collect();
        Self {
            directory,
            table,
            ids,
            child,
        }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, pid: i32, signal: Signal) {
        let pidfd = Pidfd::open(Pid::from_raw(pid).unwrap()).unwrap();
        pidfd.send_signal(signal).unwrap();
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let table = &self.table;
        until("the keeper has left", || {
            end_all(table);
            !table.keeper_is_alive().unwrap()
        });
    }
}

/// Runs before main, in the program that [`Launcher::start`] executes; is killed in the end.
fn be_launcher() {
    let variable = |name| std::env::var(name).ok();
    let millis = |name| variable(name).map(|text| Duration::from_millis(text.parse().unwrap()));
    let directory = variable("LAUNCHER_DIRECTORY").unwrap();
    let group = variable("LAUNCHER_GROUP");
    let mode = variable("LAUNCHER_MODE");
    if let Some(bytes) = variable("LAUNCHER_LARGEST_FILE") {
        let largest = Rlimit {
            current: Some(bytes.parse().unwrap()),
            ..getrlimit(Resource::Fsize)
        };
        setrlimit(Resource::Fsize, largest).unwrap();
    }
    let mut keeper = start(
        Path::new(&directory),
        group.as_deref().map(Path::new),
        CloneWay::Concurrent,
    );
    let scripts = variable("LAUNCHER_SCRIPTS").unwrap();
    let ids: Vec<_> = scripts
        .split(BETWEEN)
        .map(|script| {
            let id = ProcessId::generate();
            let wish = Wish {
                directory: std::ffi::CString::new(directory.as_str()).unwrap(),
                timeout: millis("LAUNCHER_TIMEOUT"),
                grace: millis("LAUNCHER_GRACE").unwrap_or(Duration::from_secs(5)),
                kill_mode: mode
                    .as_deref()
                    .map_or(KillMode::Tree, |mode| mode.parse().unwrap()),
                at_once: variable("LAUNCHER_AT_ONCE").map(|text| text.parse().unwrap()),
                ..Wish::default()
            };
            launch(&mut keeper, id, &["/bin/sh", "-c", script], &wish);
            id
        })
        .collect();
    let mut answered = 0;
    let escalation = millis("LAUNCHER_ESCALATION");
    // What waits for its turn is not answered.
    let begun = variable("LAUNCHER_AT_ONCE").map_or(ids.len(), |text| text.parse().unwrap());
    while answered < begun {
        wait_readable(&keeper);
        for event in keeper.take_events() {
            match event {
                Event::Started { slot, .. } if escalation.is_some() => {
                    keeper.escalate(slot, escalation);
                    answered += 1;
                }
                Event::Started { .. } | Event::Refused { .. } => answered += 1,
                _ => {}
            }
        }
    }
    println!("{}", keeper.table().path().display());
    for id in ids {
        println!("{id}");
    }
    loop {
        wait_readable(&keeper);
        drop(keeper.take_events());
    }
}

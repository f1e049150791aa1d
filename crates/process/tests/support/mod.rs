//! A place for the logs of a test, and children that do not outlive it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(dead_code, reason = "each test file uses a part of this")]

pub(crate) mod cut_log;
pub(crate) mod shell;

use std::ffi::OsString;
use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hostledger_model::{Pid, Termination};
use hostledger_process::{
    Children, EndStatus, Launch, LaunchSpec, Launched, LogDirectory, LogFiles, Output, PidSpace,
    Signal,
};
use tempfile::TempDir;

pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) logs: LogDirectory,
    count: AtomicU32,
}

/// A child with its logs; killed with its process group and reaped when the test is done.
pub(crate) struct Running {
    pub(crate) launched: Launched,
    pub(crate) logs: LogFiles,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let logs = LogDirectory::open(directory.path()).unwrap();
        Self {
            directory,
            logs,
            count: AtomicU32::new(0),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn spec<const N: usize>(&self, arguments: [&str; N]) -> LaunchSpec {
        let arguments = arguments.map(OsString::from).to_vec();
        let mut spec = LaunchSpec::new(arguments, self.directory.path().to_owned());
        spec.environment = vec![("PATH".into(), "/bin:/usr/bin".into())];
        spec
    }

    pub(crate) fn new_logs(&self) -> LogFiles {
        let stem = self.count.fetch_add(1, Ordering::Relaxed);
        self.logs.create(&stem.to_string()).unwrap()
    }

    pub(crate) fn start(&self, launch: &Launch) -> Running {
        let logs = self.new_logs();
        let launched = launch.start(PidSpace::current().unwrap(), Output::Files(&logs));
        Running {
            launched: launched.unwrap(),
            logs,
        }
    }

    pub(crate) fn run(&self, spec: LaunchSpec) -> Running {
        self.start(&spec.check().unwrap())
    }

    pub(crate) fn sh(&self, script: &str) -> Running {
        self.run(self.spec(["sh", "-c", script]))
    }
}

impl Running {
    pub(crate) fn pid(&self) -> Pid {
        self.launched.identity.pid
    }

    /// The state letter of proc_pid_stat(5); none when it has been reaped.
    pub(crate) fn state(&self) -> Option<char> {
        state(self.pid())
    }

    /// Waits for its end, reaps it, and gives how it ended.
    pub(crate) fn end(&self) -> EndStatus {
        let mut children = Children::new(PidSpace::current().unwrap()).unwrap();
        children
            .add((), self.launched.pidfd.try_clone().unwrap())
            .unwrap();
        assert!(
            self.launched
                .pidfd
                .wait_ended(Some(Duration::from_secs(60)))
                .unwrap()
        );
        let ended = children.take_ended().unwrap();
        children.release(&()).unwrap();
        ended[0].status
    }

    pub(crate) fn termination(&self) -> Option<Termination> {
        self.end().termination()
    }

    pub(crate) fn stdout(&self) -> Vec<u8> {
        fs::read(&self.logs.stdout_path).unwrap()
    }

    pub(crate) fn stderr(&self) -> Vec<u8> {
        fs::read(&self.logs.stderr_path).unwrap()
    }

    /// Waits until it has written this, and no more than this, to standard output.
    pub(crate) fn wait_written(&self, text: &str) {
        wait_until(&format!("output {text:?}"), || {
            self.stdout() == text.as_bytes()
        });
    }
}

impl Deref for Running {
    type Target = Launched;

    fn deref(&self) -> &Launched {
        &self.launched
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do when it has been reaped.
        let _ = self
            .launched
            .pidfd
            .send_signal_to_group_of_child(Signal::KILL);
        if self
            .launched
            .pidfd
            .wait_ended(Some(Duration::from_secs(10)))
            .unwrap_or(false)
        {
            let _ = hostledger_sys::reap(&self.launched.pidfd);
        }
    }
}

pub(crate) fn state(pid: Pid) -> Option<char> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    stat.rsplit(") ").next()?.chars().next()
}

pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

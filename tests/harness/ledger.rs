//! A ledger of a test's own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::invocation::Invocation;
use crate::leftovers::{self, Leftover};
use crate::output::Output;
use crate::wait::holds_within;
use crate::{hostledger, json_lines};

/// How long processes may take to go when a test is over.
const UNTIL_GONE: Duration = Duration::from_secs(3);

/// A directory with a ledger in it, made at the first use of the program, and a home for the
/// programs that run.
///
/// When it goes, every process that was started with it must have gone, or the test fails.
#[derive(Debug)]
pub struct Ledger {
    directory: TempDir,
    data: PathBuf,
    /// The URL of its database, when that is not in the directory.
    database: Option<String>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// A ledger that does not exist yet, in a fresh directory.
    #[must_use]
    pub fn new() -> Self {
        Self::below("data")
    }

    /// The same with its data in a directory of this name.
    #[must_use]
    pub fn below(name: impl AsRef<OsStr>) -> Self {
        let directory = tempfile::Builder::new().prefix("e2e-").tempdir().unwrap();
        for name in ["home", "work"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let data = directory.path().join(name.as_ref());
        Self {
            directory,
            data,
            database: None,
        }
    }

    /// The same with its database elsewhere, as `HOSTLEDGER_DATABASE` says it.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        let mut ledger = Self::new();
        ledger.database = Some(url.into());
        ledger
    }

    /// Its data directory, given to the program as `--data`.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("ledger.sqlite3")
    }

    /// A place for files of the test, outside of the data directory.
    #[must_use]
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.work().join(name.as_ref())
    }

    /// Where programs are run.
    fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// The program with these arguments, on this ledger.
    #[must_use]
    pub fn command<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(&self, arguments: I) -> Invocation {
        self.bare_command(["--data".as_ref(), self.data.as_os_str()])
            .args(arguments)
    }

    /// The program with these arguments alone.
    #[must_use]
    pub fn bare_command<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(
        &self,
        arguments: I,
    ) -> Invocation {
        self.other(hostledger()).args(arguments)
    }

    /// Another program, in the same surroundings.
    #[must_use]
    pub fn other(&self, program: impl AsRef<OsStr>) -> Invocation {
        let home = self.directory.path().join("home");
        let invocation = Invocation::new(program.as_ref(), &self.work(), &home)
            .env(leftovers::MARK, self.directory.path());
        match &self.database {
            Some(url) => invocation.env("HOSTLEDGER_DATABASE", url),
            None => invocation,
        }
    }

    /// Runs the program with these arguments to its end, without input.
    #[track_caller]
    pub fn run<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(&self, arguments: I) -> Output {
        self.command(arguments).output()
    }

    /// `run -- sh -c SCRIPT`, to its end.
    #[track_caller]
    pub fn sh(&self, script: &str) -> Output {
        self.run(["run", "--", "sh", "-c", script])
    }

    /// What the program prints as JSON lines with these arguments; it must succeed.
    #[must_use]
    #[track_caller]
    pub fn json<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(&self, arguments: I) -> Vec<Value> {
        let output = self.command(arguments).args(["--json"]).output();
        json_lines(&output.expect_code(0).stdout)
    }

    /// All records of processes, oldest first.
    #[must_use]
    #[track_caller]
    pub fn processes(&self) -> Vec<Value> {
        self.json(["ps", "--all"])
    }

    /// The only record of a process.
    ///
    /// # Panics
    /// There is none, or there are several.
    #[must_use]
    #[track_caller]
    pub fn process(&self) -> Value {
        let mut processes = self.processes();
        assert_eq!(processes.len(), 1, "{processes:#?}");
        processes.remove(0)
    }

    /// Id of the process that was recorded last.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    #[track_caller]
    pub fn last_id(&self) -> String {
        let processes = self.processes();
        let last = processes.last().expect("a process is recorded");
        last["id"].as_str().unwrap().to_owned()
    }

    /// Everything the ledger can print of itself.
    #[must_use]
    #[track_caller]
    pub fn export(&self) -> Vec<Value> {
        json_lines(&self.run(["export"]).expect_code(0).stdout)
    }

    /// The live processes that were started with this ledger, but for those of `except`.
    #[must_use]
    pub fn alive(&self) -> Vec<String> {
        self.leftovers().iter().map(Leftover::describe).collect()
    }

    /// Ends what a test has left running on purpose; says how many that were.
    #[must_use]
    pub fn kill_all(&self) -> usize {
        let leftovers = self.leftovers();
        for leftover in &leftovers {
            leftover.kill();
        }
        leftovers.len()
    }

    fn leftovers(&self) -> Vec<Leftover> {
        leftovers::find(self.directory.path().as_os_str(), &self.logged_ids())
    }

    /// Ids of processes as the names of their logs say, whatever state the database is in.
    fn logged_ids(&self) -> Vec<String> {
        let Ok(logs) = fs::read_dir(self.data.join("processes")) else {
            return Vec::new();
        };
        let names = logs.filter_map(|log| log.ok()?.file_name().into_string().ok());
        names
            .filter_map(|name| Some(name.split_once('.')?.0.to_owned()))
            .collect()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if holds_within(UNTIL_GONE, || self.leftovers().is_empty()) {
            return;
        }
        let left = self.alive();
        // What has just been started by one that is killed is found the next time.
        while self.kill_all() > 0 {}
        if std::thread::panicking() {
            eprintln!("left running by the test that failed: {left:?}");
        } else {
            panic!("left running when the test was over: {left:?}");
        }
    }
}

//! This test program as a process of its own, for what takes several processes or another user.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use hostledger_model::ProcessId;
use hostledger_store::{Change, OpenOptions, SqliteStore, Store};
use tempfile::TempDir;

use crate::contract::world::{at, new_process, write};

const TASK: &str = "HOSTLEDGER_STORE_TEST_TASK";
const LEDGER: &str = "HOSTLEDGER_STORE_TEST_LEDGER";
const WORKERS: &str = "workers ";
const ANSWER: &str = "answer: ";
const COMMITTED: &str = "committed: ";

/// What another process does with a ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Opens it, and says how many machines it holds or why it cannot.
    Open,
    /// Inserts this many processes of its machine, one commit each, and says the id of each
    /// once it is committed.
    Insert(usize),
    /// Asks for this many worker ids, and says them.
    NumberWorkers(usize),
}

/// A process that was started.
pub(crate) struct OtherProcess(Child);

impl OtherProcess {
    /// Starts one for this user.
    pub(crate) fn start(task: Task, ledger: &Path) -> Self {
        Self::spawn(&mut command(task, ledger))
    }

    /// Starts one that is nobody in particular: root may do too much to be told anything.
    pub(crate) fn start_unprivileged(task: Task, ledger: &Path) -> Self {
        const NOBODY: u32 = 65_534;
        let mut command = command(task, ledger);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Self::spawn(&mut command)
    }

    fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Kills it once it has said that this many rows are committed: their ids, and those of
    /// what it managed to say beyond.
    pub(crate) fn kill_after(mut self, rows: usize) -> Vec<ProcessId> {
        let stdout = self.0.stdout.take().unwrap();
        let mut committed = Vec::new();
        for line in BufReader::new(stdout).lines() {
            let line = line.unwrap();
            if let Some((_, id)) = line.split_once(COMMITTED) {
                committed.push(id.parse().unwrap());
            }
            if committed.len() == rows {
                self.0.kill().unwrap();
            }
        }
        self.0.wait().unwrap();
        committed
    }

    /// What it answered.
    pub(crate) fn answer(self) -> String {
        let output = self.0.wait_with_output().unwrap();
        let Output {
            status,
            stdout,
            stderr,
        } = &output;
        let stdout = String::from_utf8_lossy(stdout);
        assert!(
            status.success(),
            "{status}: {stdout}{}",
            String::from_utf8_lossy(stderr)
        );
        let answer = stdout.lines().find_map(|line| {
            let (_, answer) = line.split_once(ANSWER)?;
            Some(answer.to_owned())
        });
        answer.unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test program itself, not a program to be recorded"
)]
fn command(task: Task, ledger: &Path) -> Command {
    let task = match task {
        Task::Open => "open".to_owned(),
        Task::Insert(count) => count.to_string(),
        Task::NumberWorkers(count) => format!("{WORKERS}{count}"),
    };
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "sqlite::other_process::does_as_it_is_told",
            "--nocapture",
        ])
        .env(TASK, task)
        .env(LEDGER, ledger)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What the other process runs: this very test, told by its environment what to do.
#[test]
fn does_as_it_is_told() {
    let Some(ledger) = env::var_os(LEDGER).map(PathBuf::from) else {
        let directory = TempDir::new().unwrap();
        assert_eq!(open(&directory.path().join("ledger")), "0 machines");
        return;
    };
    let task = env::var(TASK).unwrap();
    let answer = if let Some(count) = task.strip_prefix(WORKERS) {
        number_workers(&ledger, count.parse().unwrap())
    } else {
        match task.parse() {
            Ok(count) => insert(&ledger, count),
            Err(_) => open(&ledger),
        }
    };
    println!("{ANSWER}{answer}");
}

/// The error in the form of its variant, as one line.
fn open(ledger: &Path) -> String {
    let options = OpenOptions {
        busy_timeout: Duration::from_secs(30),
        ..OpenOptions::default()
    };
    match SqliteStore::open(ledger, &options) {
        Ok(store) => match store.machine_page(None, 100) {
            Ok(page) => format!("{} machines", page.rows.records.len()),
            Err(error) => format!("unreadable: {error:?}"),
        },
        Err(error) => format!("{error:?}"),
    }
}

fn insert(ledger: &Path, count: usize) -> String {
    let options = OpenOptions {
        busy_timeout: Duration::from_secs(60),
        ..OpenOptions::default()
    };
    let store = SqliteStore::open(ledger, &options).unwrap();
    let machine = store.machine_by_guid("guid").unwrap().unwrap();
    for _ in 0..count {
        let process = new_process(machine.id, 0);
        write(
            &store,
            vec![Change::InsertProcess(Box::new(process.clone()))],
        );
        println!("{COMMITTED}{}", process.id);
    }
    let counted = store.submit(
        at(0),
        vec![Change::CountUse {
            of: hostledger_store::Used::Machine(machine.id),
            succeeded: true,
        }],
    );
    counted.wait().unwrap();
    format!("inserted {count}")
}

fn number_workers(ledger: &Path, count: usize) -> String {
    let options = OpenOptions {
        busy_timeout: Duration::from_secs(60),
        ..OpenOptions::default()
    };
    let store = SqliteStore::open(ledger, &options).unwrap();
    let ids = (0..count).map(|_| store.next_worker_id("crawl").unwrap().to_string());
    ids.collect::<Vec<_>>().join(",")
}

/// Runs a program of the system's, and says whether it went well.
#[expect(
    clippy::disallowed_methods,
    reason = "mount(8) and umount(8) prepare the test, they are not recorded"
)]
pub(crate) fn system(program: &str, arguments: &[&OsStr]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

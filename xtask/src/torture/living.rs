//! Who lives in a place, found without any of hostledger's own ways: by a lock that each process
//! of it holds, by its arguments, by the files it has open.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::held::{Held, is_keeper, name};
use crate::waiting::within;

/// How long the holder of the lock may take to be seen in /proc as well, where whoever forks and
/// ends all the time is easily missed, or to go.
const IN_BETWEEN: std::time::Duration = std::time::Duration::from_secs(2);

/// A live process of a place.
#[derive(Debug)]
pub(crate) struct Living {
    held: Held,
    /// Whether it is hostledger or its keeper, and no program of theirs.
    pub(crate) is_ledger: bool,
    has_lock: bool,
    shown: String,
}

impl Living {
    pub(crate) fn has_ended(&self) -> bool {
        self.held.has_ended()
    }

    pub(crate) fn kill(&self) {
        // It may just have gone by itself.
        let _ = self.held.kill();
    }
}

impl fmt::Display for Living {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.held.pid(), self.shown)
    }
}

/// Everybody of a place: its offspring, and those of the ledger that serve it.
///
/// # Errors
/// /proc cannot be read, or somebody holds the lock and is not found.
pub(super) fn look(directory: &Path, ledgers: &[&Path]) -> Result<Vec<Living>> {
    let mut found = Ok(Vec::new());
    let agreed = within(IN_BETWEEN, || {
        // The lock first: who takes it now is in /proc by then.
        let locked = is_locked(directory);
        found = scan(directory, ledgers);
        match (&locked, &found) {
            (Ok(locked), Ok(found)) => !locked || found.iter().any(|it| it.has_lock),
            _ => true,
        }
    });
    if !agreed {
        bail!(
            "the lock of {} is held by nobody in /proc",
            directory.display()
        );
    }
    found
}

fn is_locked(directory: &Path) -> Result<bool> {
    let lock = File::open(directory.join("alive"))?;
    match lock.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error).context("the lock cannot be looked at"),
    }
}

fn scan(directory: &Path, ledgers: &[&Path]) -> Result<Vec<Living>> {
    let own = fs::read_link("/proc/self/exe").context("/proc/self cannot be read")?;
    let entries = fs::read_dir("/proc").context("/proc cannot be read")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let living = pids.filter_map(|pid: i32| {
        // Held first, then looked at: it is one and the same.
        let held = Held::open(pid)?;
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let is_ledger = ledgers.contains(&program.as_path()) || is_keeper(pid);
        let is_of_place = if is_ledger {
            mentions(pid, directory) || has_open(pid, |file| file.starts_with(directory))
        } else {
            // Of us, and of our children before their exec, all files are open.
            program != own
                && (is_named(pid, directory) || has_open(pid, |file| pins(file, directory)))
        };
        if !is_of_place || held.has_ended() {
            return None;
        }
        let arguments = arguments_of(pid).join(" ");
        Some(Living {
            held,
            is_ledger,
            has_lock: has_open(pid, |file| file == directory.join("alive")),
            shown: format!("{} ({arguments})", name(pid)?),
        })
    });
    Ok(living.collect())
}

/// What keeps processes in a place, or says that they live. (The ledger of a place may have
/// programs of another, which have logs open in it.)
fn pins(file: &Path, directory: &Path) -> bool {
    ["hold", "alive"]
        .iter()
        .any(|name| file == directory.join(name))
}

/// Whether the directory is one of its arguments, as it is of every offspring.
fn is_named(pid: i32, directory: &Path) -> bool {
    arguments_of(pid)
        .iter()
        .any(|it| Path::new(it) == directory)
}

fn mentions(pid: i32, directory: &Path) -> bool {
    let mut arguments = arguments_of(pid).into_iter();
    arguments.any(|it| Path::new(&it).starts_with(directory))
}

/// None of a zombie.
fn arguments_of(pid: i32) -> Vec<String> {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = arguments.split(|byte| *byte == 0);
    let mut arguments: Vec<String> = arguments
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect();
    // Each is ended by a zero.
    arguments.pop();
    arguments
}

fn has_open(pid: i32, wanted: impl Fn(&Path) -> bool) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let mut files = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    files.any(|file| wanted(&file))
}

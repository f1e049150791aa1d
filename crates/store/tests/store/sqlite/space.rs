//! A disk that is full.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use hostledger_model::Process;
use hostledger_store::{Change, OpenOptions, SqliteStore, Store, StoreError};
use tempfile::TempDir;

use super::other_process::system;
use crate::contract::world::{at, insert, machine, new_process, row};

/// A small file system of its own, unmounted when dropped.
struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// None, and said loudly, where this user may not mount anything.
    fn mount() -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let mounted = system(
            "mount",
            &[
                "-t".as_ref(),
                "tmpfs".as_ref(),
                "-o".as_ref(),
                "size=2m".as_ref(),
                "hostledger-test".as_ref(),
                directory.path().as_os_str(),
            ],
        );
        match mounted {
            Ok(()) => Some(Self { directory }),
            Err(reason) => {
                println!("SKIPPED: no small file system to fill: {reason}");
                None
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Takes all the space that is left, and gives back this much of it.
    fn fill(&self, but: u64) -> PathBuf {
        let filler = self.path("filler");
        let error = fs::write(&filler, vec![1; 4 << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        let file = fs::OpenOptions::new().write(true).open(&filler).unwrap();
        file.set_len(file.metadata().unwrap().len() - but).unwrap();
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = system(
            "umount",
            &["-l".as_ref(), self.directory.path().as_os_str()],
        );
        if let Err(reason) = unmounted {
            println!("left mounted: {reason}");
        }
    }
}

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, &OpenOptions::default())
}

fn with_output(process: Process, bytes: usize) -> Process {
    Process {
        stdout: "x".repeat(bytes),
        ..process
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_committed_and_writing_goes_on_once_there_is_space() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let store = open(&disk.path("ledger.sqlite3")).unwrap();
    let machine = machine(&store, "guid");
    let before = new_process(machine.id, 0);
    insert(&store, &before);

    let filler = disk.fill(0);
    let mut refused = Vec::new();
    // What is left of the last page and of the log takes some more.
    let error = loop {
        let process = with_output(new_process(machine.id, 1), 10_000);
        let changes = vec![Change::InsertProcess(Box::new(process.clone()))];
        match store.submit(at(1), changes).wait() {
            Ok(_) => refused.clear(),
            Err(error) => {
                refused.push(process.id);
                break error;
            }
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(row(&store, before.id), before);
    assert_eq!(store.process(refused[0]).unwrap(), None);

    fs::remove_file(filler).unwrap();
    let after = new_process(machine.id, 2);
    insert(&store, &after);
    assert_eq!(row(&store, after.id), after);
    assert!(store.check().unwrap().is_empty());
}

#[test]
fn what_is_too_large_for_the_disk_fails_alone() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let store = open(&disk.path("ledger.sqlite3")).unwrap();
    let machine = machine(&store, "guid");
    let submitted: Vec<_> = (0..30)
        .map(|number| {
            let bytes = if number % 10 == 5 { 4 << 20 } else { 10 };
            let process = with_output(new_process(machine.id, number), bytes);
            let changes = vec![Change::InsertProcess(Box::new(process.clone()))];
            (process, store.submit(at(0), changes))
        })
        .collect();
    for (process, ticket) in submitted {
        let answer = ticket.wait();
        if process.stdout.len() > 10 {
            let error = answer.unwrap_err();
            assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
            assert_eq!(store.process(process.id).unwrap(), None);
        } else {
            assert!(answer.unwrap().is_applied());
            assert_eq!(row(&store, process.id), process);
        }
    }
}

#[test]
fn a_ledger_that_cannot_be_made_for_lack_of_space_can_be_made_later() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    for left in [0, 4096, 16 << 10, 48 << 10] {
        let filler = disk.fill(left);
        let path = disk.path(&format!("{left}.sqlite3"));
        let error = open(&path).err().unwrap();
        assert!(
            matches!(error, StoreError::Full { .. }),
            "{left}: {error:?}"
        );
        fs::remove_file(filler).unwrap();
        machine(&open(&path).unwrap(), "guid");
        remove(&path);
    }
}

/// Removes a ledger and what is beside it.
fn remove(path: &Path) {
    let name = path.file_name().and_then(OsStr::to_str).unwrap();
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with(name) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

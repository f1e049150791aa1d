//! The tables of keepers.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::error::Error;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use hostledger_keeper::{Entry, State, Table, TableError};
use hostledger_model::{Process, ProcessId};
use hostledger_sys::FileLock;

use super::{Bystander, BystanderError};

const ENDING: &str = "table";

impl Bystander {
    /// The tables that are there; one that cannot be read hides no other.
    pub(super) fn tables(&self) -> Result<Vec<Table>, BystanderError> {
        let failed = |source| BystanderError::Keepers {
            path: self.keepers.clone(),
            source,
        };
        let listed = match fs::read_dir(&self.keepers) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut tables = Vec::new();
        for file in listed {
            let path = file.map_err(failed)?.path();
            if path.extension() != Some(OsStr::new(ENDING)) {
                continue;
            }
            match Table::open(&path) {
                Ok(table) => tables.push(table),
                // Removed by its launcher meanwhile.
                Err(_) if !path.exists() => {}
                Err(TableError::NotATable { .. }) if is_unfinished(&path) => remove(&path),
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, path = %path.display(), "a keeper's table is unreadable");
                }
            }
        }
        Ok(tables)
    }

    /// What a keeper knows of a process, if one does. An attempt that one keeper was asked for in
    /// vain can have been made by another: what is still open says more than what is settled.
    pub(super) fn entry_of(
        &self,
        process: &Process,
    ) -> Result<Option<(Table, Entry)>, BystanderError> {
        Ok(self.kept()?.0.remove(&key(process)))
    }

    /// What keepers know of whom, read once for many.
    pub(super) fn kept(&self) -> Result<Kept, BystanderError> {
        let mut kept = HashMap::new();
        for table in self.tables()? {
            for entry in table.entries() {
                let found = kept.entry((entry.id, entry.attempt));
                let rank = |it: &Entry| (it.state != State::Settled, it.pid.is_some());
                let is_better = |(_, known): &(Table, Entry)| rank(&entry) > rank(known);
                match found {
                    Vacant(place) => drop(place.insert((table.clone(), entry))),
                    Occupied(mut place) if is_better(place.get()) => {
                        place.insert((table.clone(), entry));
                    }
                    Occupied(_) => {}
                }
            }
        }
        Ok(Kept(kept))
    }
}

/// Entries of keepers' tables, as they were at one time, by process and attempt.
pub(super) struct Kept(HashMap<(ProcessId, u32), (Table, Entry)>);

impl Kept {
    pub(super) fn entry_of(&self, process: &Process) -> Option<&(Table, Entry)> {
        self.0.get(&key(process))
    }
}

fn key(process: &Process) -> (ProcessId, u32) {
    (process.id, process.attempt)
}

/// How long the making of a table can take.
const UNTIL_MADE: Duration = Duration::from_secs(60);

/// Whether a table was begun by somebody who died before there was a keeper.
fn is_unfinished(path: &Path) -> bool {
    let age = fs::metadata(path).and_then(|file| file.modified());
    let age = age.ok().and_then(|modified| modified.elapsed().ok());
    let is_held = File::open(path).and_then(|file| FileLock::is_held(&file));
    age.is_some_and(|age| age > UNTIL_MADE) && is_held.is_ok_and(|held| !held)
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "an unfinished table stays");
    }
}

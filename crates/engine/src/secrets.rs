//! Secret values that no process waits for any more.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostledger_model::{MachineId, OwnerId, Process, SecretBatchId};
use hostledger_store::Store;
use uuid::Uuid;

use crate::owner::{Owner, OwnerError, read_mark};

/// The file that holds the secret values of a batch of queued processes.
#[must_use]
pub fn secrets_file(data_dir: &Path, batch: SecretBatchId) -> PathBuf {
    data_dir
        .join(DIRECTORY)
        .join(format!("{}.json", batch.simple()))
}

const DIRECTORY: &str = "secrets";

/// The id of a new batch: it ends as the mark of the data directory does whose locks are here. So
/// others of the same ledger know that its values are not with them.
///
/// # Errors
/// The data directory cannot be marked.
pub fn new_secret_batch(owners: &Path) -> Result<SecretBatchId, OwnerError> {
    let ending = ending(&Owner::mark(owners)?);
    let batch = SecretBatchId::generate().uuid().as_u128();
    Ok(Uuid::from_u128(batch & !ENDING | ending.unwrap_or_default()).into())
}

/// Whether a batch is of the data directory whose locks are here.
#[must_use]
pub fn is_secret_batch_of(batch: SecretBatchId, owners: &Path) -> bool {
    let ours = read_mark(owners).and_then(|mark| ending(&mark));
    ours == Some(batch.uuid().as_u128() & ENDING)
}

/// As many bits of an id are random in each.
const ENDING: u128 = 0xffff_ffff;

fn ending(mark: &str) -> Option<u128> {
    let mark: OwnerId = mark.parse().ok()?;
    Some(mark.uuid().as_u128() & ENDING)
}

/// Removes the secret values that an ended process needed, unless another one still does.
pub(crate) fn forget(store: &dyn Store, data_dir: &Path, process: &Process) {
    let Some(batch) = process.secret_batch else {
        return;
    };
    match store.needs_secrets(batch) {
        Ok(true) => {}
        Ok(false) => remove(&secrets_file(data_dir, batch)),
        Err(error) => {
            let error = &error as &dyn Error;
            tracing::warn!(error, %batch, "it is not known whether secrets are still needed");
        }
    }
}

/// The first line of every file of secrets: it sorts before any id, and says whose database has the
/// rows that need them, as several can share a directory.
#[must_use]
pub fn secrets_header(machine: MachineId) -> String {
    format!("0 \"{}\"\n", machine.simple())
}

/// Removes the files of batches that were never queued, as whoever wrote them died before that,
/// unless they are younger than `min_age`: their rows may be about to come.
pub(crate) fn sweep(store: &dyn Store, data_dir: &Path, machine: MachineId, min_age: Duration) {
    let Ok(files) = fs::read_dir(data_dir.join(DIRECTORY)) else {
        return;
    };
    for path in files.flatten().map(|file| file.path()) {
        let batch = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        if let Some(batch) = batch
            && is_left(&path, machine, min_age).unwrap_or(false)
            && store.needs_secrets(batch).is_ok_and(|needed| !needed)
        {
            remove(&path);
        }
    }
}

/// Whether a file is one of this database's that has been there for a while.
fn is_left(path: &Path, machine: MachineId, min_age: Duration) -> io::Result<bool> {
    // Only what we have made ourselves is a plain file with this beginning.
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(false);
    }
    let file = fs::File::open(path)?;
    let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
    let header = secrets_header(machine);
    let mut found = vec![0; header.len()];
    io::Read::read_exact(&mut &file, &mut found)?;
    Ok(age >= min_age && found == header.as_bytes())
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the secrets of ended processes stay");
        }
    }
}

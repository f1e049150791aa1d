//! Secret values that no process waits for any more.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hostledger_model::{Process, SecretBatchId};
use hostledger_store::Store;

/// The file that holds the secret values of a batch of queued processes.
#[must_use]
pub fn secrets_file(data_dir: &Path, batch: SecretBatchId) -> PathBuf {
    data_dir
        .join(DIRECTORY)
        .join(format!("{}.json", batch.simple()))
}

const DIRECTORY: &str = "secrets";

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

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the secrets of ended processes stay");
        }
    }
}

//! Secret values of processes that wait to be started.
//!
//! A row keeps the keys of secret variables, never their values. Those of a queued process wait
//! in a file of the ledger's directory, mode 0600, until the last process that needs it has ended.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use hostledger_engine::secrets_file;
use hostledger_model::{Process, SecretBatchId};
use serde_json::{Map, Value};

use crate::{Ledger, LedgerError};

impl Ledger {
    /// Keeps secret values for processes that are queued with them.
    pub(crate) fn keep_secrets(
        &self,
        secrets: &Map<String, Value>,
    ) -> Result<SecretBatchId, LedgerError> {
        let data_dir = self.writable_data_dir()?;
        let batch = SecretBatchId::generate();
        let path = self.secrets_path(batch)?;
        if let Some(directory) = path.parent() {
            data_dir.make_private(directory)?;
        }
        let written = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(&serde_json::to_vec(secrets)?));
        written.map_err(|source| LedgerError::Secrets { path, source })?;
        Ok(batch)
    }

    /// The secret values of a queued process.
    pub(crate) fn kept_secrets(
        &self,
        process: &Process,
    ) -> Result<Map<String, Value>, LedgerError> {
        let Some(key) = process.secret_env.first() else {
            return Ok(Map::new());
        };
        let missing = || LedgerError::SecretMissing {
            id: process.id,
            key: key.clone(),
        };
        let path = self.secrets_path(process.secret_batch.ok_or_else(missing)?)?;
        let read = fs::read(&path).and_then(|text| Ok(serde_json::from_slice(&text)?));
        let mut secrets: Map<String, Value> = match read {
            Ok(secrets) => secrets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            Err(source) => return Err(LedgerError::Secrets { path, source }),
        };
        secrets.retain(|key, _| process.secret_env.contains(key));
        Ok(secrets)
    }

    fn secrets_path(&self, batch: SecretBatchId) -> Result<PathBuf, LedgerError> {
        Ok(secrets_file(self.writable_data_dir()?.path(), batch))
    }
}

//! Secret values of processes that wait to be started.
//!
//! A row keeps the keys of secret variables, never their values. Those of queued processes wait
//! in a file of the ledger's directory, mode 0600, one for all that were queued together, until
//! the last of them has ended. After a header it has a line for each process that has secrets: its id, a space,
//! and its variables as JSON; sorted, so that one is found without reading the others.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hostledger_engine::{is_secret_batch_of, new_secret_batch, secrets_file, secrets_header};
use hostledger_model::{Process, ProcessId, SecretBatchId};
use serde_json::{Map, Value};

use crate::{DataDir, Ledger, LedgerError};

impl Ledger {
    /// Keeps secret values for processes that are queued with them, in the order of their ids.
    pub(crate) fn keep_secrets(
        &self,
        batch: SecretBatchId,
        secrets: &[(ProcessId, Map<String, Value>)],
    ) -> Result<(), LedgerError> {
        let data_dir = self.writable_data_dir()?;
        let path = self.secrets_path(batch)?;
        if let Some(directory) = path.parent() {
            data_dir.make_private(directory)?;
        }
        let header = secrets_header(self.current_machine()?.id);
        write(&path, &header, secrets).map_err(|source| LedgerError::Secrets { path, source })
    }

    /// Removes secret values that no process was queued with after all.
    pub(crate) fn forget_secrets(&self, batch: SecretBatchId) {
        let removed = self.secrets_path(batch).map(|path| {
            fs::remove_file(&path).map_err(|source| LedgerError::Secrets { path, source })
        });
        if let Err(error) | Ok(Err(error)) = removed {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, %batch, "secrets that nobody needs stay until a clean-up");
        }
    }

    /// The secret values of a queued process.
    pub(crate) fn kept_secrets(
        &self,
        process: &Process,
    ) -> Result<Map<String, Value>, LedgerError> {
        if process.secret_env.is_empty() {
            return Ok(Map::new());
        }
        kept(self.writable_data_dir()?, process)
    }

    /// Names the file of secret values that are about to be kept.
    pub(crate) fn new_secret_batch(&self) -> Result<SecretBatchId, LedgerError> {
        Ok(new_secret_batch(&self.writable_data_dir()?.owners())?)
    }

    fn secrets_path(&self, batch: SecretBatchId) -> Result<PathBuf, LedgerError> {
        Ok(secrets_file(self.writable_data_dir()?.path(), batch))
    }
}

/// The secret values of a queued process, of the ledger in `data_dir`.
pub(crate) fn kept(
    data_dir: &DataDir,
    process: &Process,
) -> Result<Map<String, Value>, LedgerError> {
    let Some(key) = process.secret_env.first() else {
        return Ok(Map::new());
    };
    let missing = |key: &String| LedgerError::SecretMissing {
        id: process.id,
        key: key.clone(),
    };
    let batch = process.secret_batch.ok_or_else(|| missing(key))?;
    let path = secrets_file(data_dir.path(), batch);
    let secrets = match read(&path, process.id) {
        Ok(secrets) => secrets.unwrap_or_default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !is_secret_batch_of(batch, &data_dir.owners()) {
                let (id, key) = (process.id, key.clone());
                return Err(LedgerError::SecretElsewhere { id, key });
            }
            Map::new()
        }
        Err(source) => return Err(LedgerError::Secrets { path, source }),
    };
    match process
        .secret_env
        .iter()
        .find(|key| !secrets.contains_key(*key))
    {
        Some(key) => Err(missing(key)),
        None => Ok(secrets),
    }
}

fn write(path: &Path, header: &str, secrets: &[(ProcessId, Map<String, Value>)]) -> io::Result<()> {
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut lines = BufWriter::new(file);
    lines.write_all(header.as_bytes())?;
    for (id, variables) in secrets {
        write!(lines, "{} ", id.simple())?;
        serde_json::to_writer(&mut lines, variables)?;
        lines.write_all(b"\n")?;
    }
    // The rows that need them may be durable the next moment.
    lines.into_inner()?.sync_all()
}

/// What the file has of a process, by bisection.
fn read(path: &Path, id: ProcessId) -> io::Result<Option<Map<String, Value>>> {
    let id = id.simple();
    let mut file = BufReader::new(File::open(path)?);
    // The line, if there is one, begins in this range.
    let (mut begin, mut end) = (0, file.get_ref().metadata()?.len());
    let mut line = String::new();
    while begin < end {
        let middle = begin + (end - begin) / 2;
        let at = line_after(&mut file, middle, begin)?;
        if at >= end {
            // The last one that begins before the middle is left; those before it are few.
            end = middle;
            continue;
        }
        file.seek(SeekFrom::Start(at))?;
        line.clear();
        let length = file.read_line(&mut line)? as u64;
        match line.split_once(' ') {
            Some((found, variables)) if found == id => {
                return Ok(Some(serde_json::from_str(variables)?));
            }
            Some((found, _)) if found < id.as_str() => begin = at + length,
            _ => end = middle,
        }
    }
    Ok(None)
}

/// Where the first line begins that begins at `position` or later; `begin` is one's beginning.
fn line_after(file: &mut BufReader<File>, position: u64, begin: u64) -> io::Result<u64> {
    if position == begin {
        return Ok(begin);
    }
    // That of the line before may be the byte before.
    file.seek(SeekFrom::Start(position - 1))?;
    let skipped = file.skip_until(b'\n')? as u64;
    Ok(position - 1 + skipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_process_finds_its_own_values_and_a_stranger_none() {
        let directory = tempfile::tempdir().unwrap();
        for count in [1, 2, 3, 50] {
            let path = directory.path().join(count.to_string());
            let values = |number: usize| {
                let value = json!({"KEY": "x".repeat(number * 37 % 101), "N": number});
                value.as_object().unwrap().clone()
            };
            let secrets: Vec<_> = (0..count)
                .map(|number| (ProcessId::generate(), values(number)))
                .collect();
            write(&path, "0 \"machine\"\n", &secrets).unwrap();
            for (id, values) in &secrets {
                assert_eq!(read(&path, *id).unwrap().as_ref(), Some(values));
            }
            assert_eq!(read(&path, ProcessId::generate()).unwrap(), None);
            let smallest = "0".repeat(32).parse().unwrap();
            assert_eq!(read(&path, smallest).unwrap(), None);
        }
    }
}

//! Opening a database: whose it is decides how.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::SqliteConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::access;
use super::connections::Connections;
use super::failure::Failures;
use super::journal;
use super::kind::{self, Kind};
use super::migration;
use super::process::Columns;
use crate::error::StoreError;
use crate::location::OpenOptions;
use crate::store::Access;

/// A database that was opened.
pub(super) struct Opened {
    pub(super) failures: Failures,
    pub(super) access: Access,
    pub(super) columns: Columns,
    /// Made on the way, for the first reader.
    pub(super) connection: Option<SqliteConnection>,
}

pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Opened, StoreError> {
    let path = resolve(path)?;
    let failures = Failures {
        path,
        busy_timeout: options.busy_timeout,
    };
    refuse_network(&failures.path, options)?;
    let kind = match look(&failures.path)? {
        File::Missing => {
            create(&failures.path)?;
            Kind::Own
        }
        File::Empty => Kind::Own,
        File::Filled => {
            access::readable(&failures.path)?;
            let kind = Connections::new(failures.clone(), Access::Foreign).read(kind::of);
            match kind {
                Err(StoreError::ReadOnly { .. })
                    if journal::goes_back_to_nothing(&failures.path) =>
                {
                    Kind::Own
                }
                kind => kind?,
            }
        }
    };
    match kind {
        Kind::NoLedger(missing) => Err(StoreError::NotALedger {
            path: failures.path,
            missing,
        }),
        Kind::Foreign(columns) => Ok(Opened {
            failures,
            access: Access::Foreign,
            columns,
            connection: None,
        }),
        Kind::Own => {
            access::writable(&failures.path)?;
            let mut connection = Connections::own(&failures)?;
            use_write_ahead_log(&mut connection, &failures)?;
            migration::bring_up_to_date(&mut connection, &failures)?;
            Ok(Opened {
                failures,
                access: Access::Own,
                columns: Columns::All,
                connection: Some(connection),
            })
        }
    }
}

/// The file behind all links, which is where SQLite keeps its journals beside it.
fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let resolved = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(path),
        resolved => resolved,
    };
    resolved.map_err(|error| refused(path, error))
}

/// What is there before SQLite has a look.
enum File {
    Missing,
    Empty,
    Filled,
}

fn look(path: &Path) -> Result<File, StoreError> {
    match fs::metadata(path) {
        Ok(file) if file.is_dir() => Err(StoreError::IsDirectory { path: path.into() }),
        // A pipe or a device, which would be waited for.
        Ok(file) if !file.is_file() => Err(StoreError::NotADatabase { path: path.into() }),
        Ok(file) if file.len() == 0 => Ok(File::Empty),
        Ok(_) => Ok(File::Filled),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(File::Missing),
        Err(error) => Err(refused(path, error)),
    }
}

/// One at a time in this process: closing a file takes away the locks of a connection to it
/// that another thread has made meanwhile.
static CREATING: Mutex<()> = Mutex::new(());

/// Makes the file before SQLite would, for this user alone; its journals get the same mode.
fn create(path: &Path) -> Result<(), StoreError> {
    let _one_at_a_time = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let created = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(_) => Ok(()),
        // Another one was first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::NoDirectory { path: path.into() })
        }
        Err(error) => Err(refused(path, error)),
    }
}

fn refused(path: &Path, error: io::Error) -> StoreError {
    match rustix::io::Errno::from_io_error(&error) {
        Some(errno) => access::error(path, errno),
        None => StoreError::Open {
            path: path.into(),
            source: Arc::new(error),
        },
    }
}

/// The write-ahead log needs memory shared by all programs that have the file open.
fn refuse_network(path: &Path, options: &OpenOptions) -> Result<(), StoreError> {
    let existing = if path.exists() {
        path
    } else {
        access::directory(path)
    };
    match (options.file_system)(existing) {
        Ok(file_system) if file_system.is_network() => Err(StoreError::NetworkFileSystem {
            path: path.into(),
            file_system: file_system.name(),
        }),
        Ok(_) => Ok(()),
        // What is missing or closed to us shows better in what follows.
        Err(error) => {
            tracing::debug!(path = %path.display(), %error, "unknown file system");
            Ok(())
        }
    }
}

/// Between tries to switch the journal mode.
const PAUSE: Duration = Duration::from_millis(5);

/// Switches to the write-ahead log, which lasts in the file.
///
/// Where several programs open a new file at once the switch fails without waiting for the
/// busy timeout, so it is tried until that is over.
fn use_write_ahead_log(
    connection: &mut SqliteConnection,
    failures: &Failures,
) -> Result<(), StoreError> {
    let until = Instant::now() + failures.busy_timeout;
    loop {
        let mode = sql::<Text>("PRAGMA journal_mode = WAL").get_result::<String>(connection);
        match mode.map_err(|error| failures.of_query(error)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(StoreError::NoWriteAheadLog {
                    path: failures.path.clone(),
                    mode,
                });
            }
            Err(StoreError::Locked { .. }) if Instant::now() < until => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

//! Connections to one database: how they are made, kept and lent out for reading.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryResult, SqliteConnection};

use super::failure::Failures;
use super::uri::{Mode, uri};
use crate::error::StoreError;
use crate::store::{Access, Durability};

/// Connections kept for the next reader; more readers at once have theirs closed after use.
const KEPT: usize = 8;

/// Reads of a foreign database that is written meanwhile, before locks are taken instead.
const TRIES_AT_REST: usize = 3;

/// Lends out connections for reading; each is used by one reader at a time.
pub(super) struct Connections {
    failures: Failures,
    access: Access,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    connection: SqliteConnection,
    /// For a connection without locks: the state of the file that it was made for.
    at_rest: Option<AtRest>,
}

/// The state of a database file that nobody has open to write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AtRest {
    modified: SystemTime,
    length: u64,
}

impl Connections {
    pub(super) fn new(failures: Failures, access: Access) -> Self {
        Self {
            failures,
            access,
            kept: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn failures(&self) -> &Failures {
        &self.failures
    }

    /// A connection to a ledger of our own, set up to write and to read.
    pub(super) fn own(failures: &Failures) -> Result<SqliteConnection, StoreError> {
        Self::writing(failures, Durability::Normal)
    }

    /// The same for whoever writes what must last.
    pub(super) fn writing(
        failures: &Failures,
        durability: Durability,
    ) -> Result<SqliteConnection, StoreError> {
        let mut connection = connect(failures, Mode::ReadWrite)?;
        let synchronous = match durability {
            Durability::Normal => "NORMAL",
            Durability::Full => "FULL",
        };
        let settings = format!("PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON;");
        connection
            .batch_execute(&settings)
            .map_err(|error| failures.of_query(error))?;
        Ok(connection)
    }

    /// Keeps a connection for the next reader.
    pub(super) fn keep(&self, connection: SqliteConnection) {
        self.put_back(connection, None);
    }

    /// Runs a query on a connection of its own; on a foreign database possibly again.
    pub(super) fn read<T>(
        &self,
        query: impl Fn(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        match self.access {
            Access::Own => {
                let mut connection = match self.take(None) {
                    Some(connection) => connection,
                    None => Self::own(&self.failures)?,
                };
                let result = query(&mut connection);
                self.finish(connection, None, result)
            }
            Access::Foreign => self.read_foreign(query),
        }
    }

    /// Reads somebody else's database and leaves no trace beside it.
    ///
    /// Even a connection that only reads makes `-wal` and `-shm` files for a database in WAL
    /// mode, and cannot read it where that is not allowed. So a file that lies at rest is read
    /// without locks, and what was read counts only if it still lies there as before.
    fn read_foreign<T>(
        &self,
        query: impl Fn(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        for _ in 0..TRIES_AT_REST {
            let Some(before) = self.at_rest()? else { break };
            let mut connection = match self.take(Some(&before)) {
                Some(connection) => connection,
                None => connect(&self.failures, Mode::Immutable)?,
            };
            let result = query(&mut connection);
            if self.at_rest()?.as_ref() == Some(&before) {
                return self.finish(connection, Some(before), result);
            }
        }
        // Not kept: an open connection would hold up a change of its journal mode.
        let mut connection = connect(&self.failures, Mode::ReadOnly)?;
        query(&mut connection).map_err(|error| self.failures.of_query(error))
    }

    /// Keeps the connection of a query that went well; another one's state is not known.
    fn finish<T>(
        &self,
        connection: SqliteConnection,
        at_rest: Option<AtRest>,
        result: QueryResult<T>,
    ) -> Result<T, StoreError> {
        match result {
            Ok(value) => {
                self.put_back(connection, at_rest);
                Ok(value)
            }
            Err(error) => Err(self.failures.of_query(error)),
        }
    }

    fn take(&self, at_rest: Option<&AtRest>) -> Option<SqliteConnection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Those made for another state of the file are of no use any more.
        kept.retain(|kept| kept.at_rest.as_ref() == at_rest);
        kept.pop().map(|kept| kept.connection)
    }

    fn put_back(&self, connection: SqliteConnection, at_rest: Option<AtRest>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(Kept {
                connection,
                at_rest,
            });
        }
    }

    fn at_rest(&self) -> Result<Option<AtRest>, StoreError> {
        at_rest(&self.failures.path).map_err(|source| StoreError::Open {
            path: self.failures.path.clone(),
            source: Arc::new(source),
        })
    }
}

fn connect(failures: &Failures, mode: Mode) -> Result<SqliteConnection, StoreError> {
    let mut connection = SqliteConnection::establish(&uri(&failures.path, mode))
        .map_err(|error| failures.of_connection(error))?;
    let timeout = failures.busy_timeout.as_millis();
    connection
        .batch_execute(&format!("PRAGMA busy_timeout = {timeout};"))
        .map_err(|error| failures.of_query(error))?;
    Ok(connection)
}

/// None while somebody has the database open to write, or left a journal to be played back.
fn at_rest(database: &Path) -> io::Result<Option<AtRest>> {
    for suffix in ["-wal", "-shm", "-journal"] {
        match fs::metadata(beside(database, suffix)) {
            Ok(file) if file.len() > 0 => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let file = fs::metadata(database)?;
    Ok(Some(AtRest {
        modified: file.modified()?,
        length: file.len(),
    }))
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use diesel::dsl::sql;
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    use super::*;
    use crate::location::OpenOptions;
    use crate::sqlite::open;

    #[test]
    fn every_connection_to_a_ledger_has_its_settings() {
        let directory = tempfile::tempdir().unwrap();
        let options = OpenOptions {
            busy_timeout: Duration::from_millis(1234),
            ..OpenOptions::default()
        };
        let opened = open::open(&directory.path().join("ledger.sqlite3"), &options).unwrap();
        let mut first = opened.connection.unwrap();
        let mut later = Connections::own(&opened.failures).unwrap();
        for connection in [&mut first, &mut later] {
            let mut pragma = |name: &str| -> String {
                let value = format!("CAST((SELECT * FROM pragma_{name}) AS TEXT)");
                diesel::select(sql::<Text>(&value))
                    .get_result(connection)
                    .unwrap()
            };
            assert_eq!(pragma("busy_timeout"), "1234");
            assert_eq!(pragma("journal_mode"), "wal");
            assert_eq!(pragma("synchronous"), "1", "NORMAL");
            assert_eq!(pragma("foreign_keys"), "1");
        }
    }
}

//! What a failure of SQLite means: the one place that reads its messages.
//!
//! diesel hides SQLite's result codes, so the messages, which are fixed texts
//! (sqlite3_errstr), stand in for them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error};

use super::access;
use crate::error::{ReadOnly, StoreError};
use crate::record_id::RecordId;
use crate::root_error::root_error;

/// What is needed to tell a failure well.
#[derive(Debug, Clone)]
pub(super) struct Failures {
    pub(super) path: PathBuf,
    pub(super) busy_timeout: Duration,
}

/// A failure on its way out of a transaction.
pub(super) enum Failed {
    /// Of a statement, not yet looked at.
    Query(Error),
    /// One that is known for what it is.
    Store(StoreError),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Query(error)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a message of SQLite's says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Locked,
    ReadOnly,
    Full,
    Damaged,
    NotADatabase,
    CannotOpen,
    InputOutput,
    Other,
}

/// Beginnings of SQLite's messages and what they mean.
const MESSAGES: &[(&str, Meaning)] = &[
    ("database is locked", Meaning::Locked),
    ("database table is locked", Meaning::Locked),
    ("database schema is locked", Meaning::Locked),
    ("attempt to write a readonly database", Meaning::ReadOnly),
    ("database or disk is full", Meaning::Full),
    ("database disk image is malformed", Meaning::Damaged),
    ("malformed database schema", Meaning::Damaged),
    ("file is not a database", Meaning::NotADatabase),
    ("unable to open database file", Meaning::CannotOpen),
    ("disk I/O error", Meaning::InputOutput),
];

fn meaning(message: &str) -> Meaning {
    MESSAGES
        .iter()
        .find(|(beginning, _)| message.starts_with(beginning))
        .map_or(Meaning::Other, |(_, meaning)| *meaning)
}

impl Failures {
    /// The error for a transaction that failed.
    pub(super) fn of(&self, failed: Failed) -> StoreError {
        match failed {
            Failed::Query(error) => self.of_query(error),
            Failed::Store(error) => error,
        }
    }

    /// The error for a connection that could not be made.
    pub(super) fn of_connection(&self, error: ConnectionError) -> StoreError {
        match error {
            ConnectionError::BadConnection(message) => self.of_query(Error::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand,
                Box::new(message),
            )),
            ConnectionError::CouldntSetupConfiguration(error) => self.of_query(error),
            other => self.of_query(Error::QueryBuilderError(Box::new(other))),
        }
    }

    /// The error for a statement that failed.
    pub(super) fn of_query(&self, error: Error) -> StoreError {
        let error = root_error(error);
        let path = self.path.clone();
        let meaning = match &error {
            Error::DatabaseError(_, information) => meaning(information.message()),
            _ => Meaning::Other,
        };
        match meaning {
            Meaning::Locked => StoreError::Locked {
                path,
                waited: self.busy_timeout,
            },
            Meaning::ReadOnly => StoreError::ReadOnly {
                path,
                why: ReadOnly::File,
            },
            Meaning::Full => StoreError::Full { path },
            Meaning::Damaged => StoreError::Damaged {
                path,
                source: Arc::new(error),
            },
            Meaning::NotADatabase => StoreError::NotADatabase { path },
            Meaning::CannotOpen => cannot_open(path, error),
            // For want of space as well, when the index of the log cannot grow.
            Meaning::InputOutput if access::is_full(&path) => StoreError::Full { path },
            Meaning::InputOutput | Meaning::Other => StoreError::Database {
                path,
                source: Arc::new(error),
            },
        }
    }

    /// The error for a change that its own content made fail, or the failure itself when the
    /// database is to blame.
    pub(super) fn of_change(&self, record: RecordId, error: Error) -> Failed {
        let Error::DatabaseError(kind, information) = &error else {
            return Failed::Query(error);
        };
        Failed::Store(match kind {
            DatabaseErrorKind::UniqueViolation => {
                let message = information.message();
                let columns = message
                    .strip_prefix("UNIQUE constraint failed: ")
                    .unwrap_or(message);
                StoreError::Duplicate {
                    record,
                    columns: columns.to_owned(),
                }
            }
            DatabaseErrorKind::ForeignKeyViolation => StoreError::DanglingReference { record },
            DatabaseErrorKind::NotNullViolation | DatabaseErrorKind::CheckViolation => {
                self.of_query(error)
            }
            _ => return Failed::Query(error),
        })
    }
}

/// SQLite does not say why it cannot open; asking for what it needs does.
fn cannot_open(path: PathBuf, error: Error) -> StoreError {
    match access::readable(&path).and_then(|()| access::writable(&path)) {
        Err(why) => why,
        Ok(()) => StoreError::Database {
            path,
            source: Arc::new(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_nobody_knows_is_passed_on() {
        let failures = Failures {
            path: "/x".into(),
            busy_timeout: Duration::ZERO,
        };
        let error = failures.of_query(Error::NotFound);
        assert!(matches!(error, StoreError::Database { .. }));
        assert_eq!(meaning("no such table: x"), Meaning::Other);
    }
}

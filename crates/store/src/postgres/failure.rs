//! What a failure of PostgreSQL means.
//!
//! diesel tells some of the server's error codes by a kind and hides the others, so messages
//! stand in for them: libpq's own, which are English, and the server's, which are if its
//! `lc_messages` says so ([`language`](super::language)). What is not recognised is passed on as
//! it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diesel::ConnectionError;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use uuid::Uuid;

use crate::change::Change;
use crate::error::{ReadOnly, StoreError};
use crate::record_id::RecordId;
use crate::root_error::root_error;

/// What is needed to tell a failure well.
#[derive(Debug, Clone)]
pub(super) struct Failures {
    /// The URL without its secrets.
    pub(super) place: PathBuf,
    /// How long a lock is waited for.
    pub(super) patience: Duration,
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Login,
    Certificate,
    Locked,
    ReadOnly,
    Full,
    Forbidden,
    Gone,
    Other,
}

/// Parts of messages and what they mean; the first that fits counts.
const MESSAGES: &[(&str, Meaning)] = &[
    ("certificate verify failed", Meaning::Certificate),
    ("server certificate for", Meaning::Certificate),
    ("root certificate file", Meaning::Certificate),
    ("does not support SSL", Meaning::Certificate),
    ("authentication failed", Meaning::Login),
    ("no password supplied", Meaning::Login),
    ("no pg_hba.conf entry", Meaning::Login),
    ("pg_hba.conf rejects", Meaning::Login),
    ("is not permitted to log in", Meaning::Login),
    ("permission denied for database", Meaning::Login),
    ("FATAL:  role \"", Meaning::Login),
    ("FATAL:  database \"", Meaning::Login),
    ("canceling statement due to lock timeout", Meaning::Locked),
    ("deadlock detected", Meaning::Locked),
    ("could not serialize access", Meaning::Locked),
    ("read-only transaction", Meaning::ReadOnly),
    ("during recovery", Meaning::ReadOnly),
    ("No space left on device", Meaning::Full),
    ("permission denied", Meaning::Forbidden),
    ("must be owner of", Meaning::Forbidden),
    ("terminating connection", Meaning::Gone),
    ("server closed the connection", Meaning::Gone),
    ("connection to server was lost", Meaning::Gone),
    ("no connection to the server", Meaning::Gone),
];

fn meaning(message: &str) -> Meaning {
    MESSAGES
        .iter()
        .find(|(part, _)| message.contains(part))
        .map_or(Meaning::Other, |(_, meaning)| *meaning)
}

impl Failures {
    /// The error for a connection that could not be made.
    pub(super) fn of_connection(&self, error: ConnectionError) -> StoreError {
        let error = match error {
            ConnectionError::BadConnection(message) => {
                ConnectionError::BadConnection(in_one_line(&message))
            }
            other => other,
        };
        let message = error.to_string();
        let place = self.place.clone();
        let source = Arc::new(error);
        match meaning(&message) {
            Meaning::Login => StoreError::Login { place, source },
            Meaning::Certificate => StoreError::Untrusted { place, source },
            _ => StoreError::Unreachable { place, source },
        }
    }

    /// The error for a statement that failed on a connection that may have been lost by that.
    pub(super) fn of_query(&self, connection: &mut PgConnection, error: Error) -> StoreError {
        if is_lost(connection, &error) {
            return self.of_loss(error);
        }
        self.of_answer(error)
    }

    /// The error for a statement whose connection was lost.
    pub(super) fn of_loss(&self, error: Error) -> StoreError {
        let error = match error {
            Error::DatabaseError(kind, information) => {
                Error::DatabaseError(kind, Box::new(in_one_line(information.message())))
            }
            other => other,
        };
        StoreError::Unreachable {
            place: self.place.clone(),
            source: Arc::new(error),
        }
    }

    /// The error for a statement that the server refused.
    pub(super) fn of_answer(&self, error: Error) -> StoreError {
        let error = root_error(error);
        let path = self.place.clone();
        let meaning = match &error {
            Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => Meaning::ReadOnly,
            Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Meaning::Locked,
            Error::DatabaseError(_, information) => meaning(information.message()),
            _ => Meaning::Other,
        };
        match meaning {
            Meaning::Locked => StoreError::Locked {
                path,
                waited: self.patience,
            },
            Meaning::ReadOnly => StoreError::ReadOnly {
                path,
                why: ReadOnly::Standby,
            },
            Meaning::Full => StoreError::Full { path },
            Meaning::Forbidden => StoreError::Forbidden {
                place: path,
                source: Arc::new(error),
            },
            Meaning::Gone => self.of_loss(error),
            Meaning::Login | Meaning::Certificate | Meaning::Other => StoreError::Database {
                path,
                source: Arc::new(error),
            },
        }
    }

    /// The error for a change that its own content made fail.
    pub(super) fn of_change(&self, change: &Change, error: Error) -> StoreError {
        let (Error::DatabaseError(kind, information), Some(record)) = (&error, change.record())
        else {
            return self.of_answer(error);
        };
        match kind {
            DatabaseErrorKind::UniqueViolation => StoreError::Duplicate {
                record: named(change, &**information).unwrap_or(record),
                columns: columns(&**information),
            },
            DatabaseErrorKind::ForeignKeyViolation => StoreError::DanglingReference { record },
            _ => self.of_answer(error),
        }
    }
}

/// What libpq says of a connection, which it breaks into lines with tabs in front.
fn in_one_line(message: &str) -> String {
    let lines: Vec<_> = message.lines().map(str::trim).collect();
    lines.join(" ").trim_end().to_owned()
}

/// Whether a failure is that of what was to be written, and of nothing else.
pub(super) fn is_of_content(error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseError(
            DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation,
            _
        )
    )
}

/// Whether the connection is of no use any more. The server says so in its language, if at all;
/// asking it to take back what there is to take back does no harm.
pub(super) fn is_lost(connection: &mut PgConnection, error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _)
    ) || (!is_of_content(error) && connection.batch_execute("ROLLBACK").is_err())
}

/// Which of many inserted processes was there already: `Key (id)=(…) already exists.`, in
/// whatever language.
fn named(change: &Change, information: &dyn DatabaseErrorInformation) -> Option<RecordId> {
    let Change::InsertProcesses(processes) = change else {
        return None;
    };
    let values = information.details()?;
    let mut ids = values
        .split(|character: char| !(character.is_ascii_hexdigit() || character == '-'))
        .filter_map(|word| word.parse::<Uuid>().ok());
    ids.find_map(|id| processes.iter().find(|it| it.id.uuid() == id))
        .map(|process| process.id.into())
}

/// The columns that clash, by the same sentence; or else the name of the constraint.
fn columns(information: &dyn DatabaseErrorInformation) -> String {
    let listed = information.details().and_then(|details| {
        let (_, rest) = details.split_once('(')?;
        rest.split_once(")=(").map(|(columns, _)| columns)
    });
    let name = information.constraint_name();
    listed.or(name).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpq_says_fits_one_line() {
        let said = "server closed the connection unexpectedly\n\tThis probably means that\n";
        assert_eq!(
            in_one_line(said),
            "server closed the connection unexpectedly This probably means that"
        );
        assert_eq!(in_one_line("FATAL:  no\n"), "FATAL:  no");
    }

    #[test]
    fn messages_are_told_apart() {
        for (message, expected) in [
            (
                "connection to server at \"::1\", port 5432 failed: Connection refused",
                Meaning::Other,
            ),
            (
                "FATAL:  password authentication failed for user \"me\"",
                Meaning::Login,
            ),
            ("FATAL:  database \"x\" does not exist", Meaning::Login),
            ("SSL error: certificate verify failed", Meaning::Certificate),
            (
                "could not extend file \"base/1\": No space left on device",
                Meaning::Full,
            ),
            (
                "terminating connection due to administrator command",
                Meaning::Gone,
            ),
        ] {
            assert_eq!(meaning(message), expected, "{message}");
        }
    }
}

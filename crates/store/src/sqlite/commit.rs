//! Commits to a file of SQLite's.

use diesel::SqliteConnection;

use super::apply;
use super::connections::Connections;
use super::failure::{Failed, Failures};
use super::transaction;
use crate::error::StoreError;
use crate::ticket::Commit;
use crate::writer::{Answer, Committer, Submission};

/// What the writing thread owns; it connects at the first submission.
pub(super) struct FileCommitter {
    failures: Failures,
    /// None before the first submission, and after a failure that leaves its state unknown.
    connection: Option<SqliteConnection>,
}

impl FileCommitter {
    pub(super) fn new(failures: Failures) -> Self {
        Self {
            failures,
            connection: None,
        }
    }
}

impl Committer for FileCommitter {
    fn commit(&mut self, batch: &[Submission]) -> Result<Vec<Answer>, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connections::own(&self.failures)?,
        };
        let failures = &self.failures;
        let answers = transaction::immediate(&mut connection, |connection| {
            batch
                .iter()
                .map(|submission| write_one(connection, failures, submission))
                .collect::<Result<Vec<_>, diesel::result::Error>>()
        })
        .map_err(|error| failures.of_query(error))?;
        self.connection = Some(connection);
        Ok(answers)
    }
}

/// Why the changes of a submission are taken back.
enum TakenBack {
    Refused(usize),
    Failed(Failed),
}

impl From<diesel::result::Error> for TakenBack {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Writes a submission, or takes back what was written of it.
///
/// # Errors
/// Only when the database failed, and the transaction with it.
fn write_one(
    connection: &mut SqliteConnection,
    failures: &Failures,
    submission: &Submission,
) -> Result<Answer, diesel::result::Error> {
    let write = |connection: &mut SqliteConnection| {
        let mut written = Vec::with_capacity(submission.changes.len());
        for (at, change) in submission.changes.iter().enumerate() {
            let now = submission.now;
            match apply::change(connection, failures, change, now, &mut written) {
                Ok(true) => {}
                Ok(false) => return Err(TakenBack::Refused(at)),
                Err(failed) => return Err(TakenBack::Failed(failed)),
            }
        }
        Ok(written)
    };
    // A statement takes back by itself what it did, and a savepoint costs as much as one.
    let written = match submission.changes.as_slice() {
        [change] if apply::is_one_statement(change) => write(connection),
        _ => transaction::savepoint(connection, write),
    };
    match written {
        Ok(records) => Ok(Ok(Commit::Applied(records))),
        Err(TakenBack::Refused(change)) => Ok(Ok(Commit::Refused { change })),
        Err(TakenBack::Failed(Failed::Store(error))) => Ok(Err(error)),
        Err(TakenBack::Failed(Failed::Query(error))) => Err(error),
    }
}

//! Commits to a file of SQLite's.

use diesel::SqliteConnection;

use super::apply::{self, Step, Uses};
use super::connections::Connections;
use super::failure::{Failed, Failures};
use super::version::Version;
use super::{process, transaction};
use crate::error::StoreError;
use crate::store::Durability;
use crate::ticket::Commit;
use crate::writer::{Answer, Committer, Submission, Write};

/// What the writing thread owns; it connects at the first submission.
pub(super) struct FileCommitter {
    failures: Failures,
    durability: Durability,
    /// None before the first submission, and after a failure that leaves its state unknown.
    connection: Option<SqliteConnection>,
    version: Version,
}

impl FileCommitter {
    pub(super) fn new(failures: Failures, durability: Durability) -> Self {
        Self {
            failures,
            durability,
            connection: None,
            version: Version::default(),
        }
    }

    /// The connection, taken: it is put back when it is known to be sound.
    fn connect(&mut self) -> Result<SqliteConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => {
                self.version = Version::default();
                Connections::writing(&self.failures, self.durability)
            }
        }
    }
}

impl Committer for FileCommitter {
    fn commit(&mut self, batch: &mut [Write]) -> Result<(), StoreError> {
        let mut connection = self.connect()?;
        let failures = &self.failures;
        transaction::immediate(&mut connection, |connection| {
            let mut uses = Uses::default();
            for write in batch {
                match write {
                    Write::Submission(it) => {
                        let answer = write_one(connection, failures, it)?;
                        if matches!(answer, Ok(Commit::Applied(_))) {
                            count_uses(it, &mut uses);
                        }
                        it.answer = Some(answer);
                    }
                    Write::Claim(it) => it.claims = Some(process::claim(connection, &it.claim)?),
                }
            }
            uses.write(connection)
        })
        .map_err(|error| failures.of_query(error))?;
        self.connection = Some(connection);
        Ok(())
    }

    fn others_have_written(&mut self) -> bool {
        let Ok(mut connection) = self.connect() else {
            return true;
        };
        // The log is written before the commit can be seen: who writes has the lock until then.
        let changed = transaction::immediate(&mut connection, |connection| {
            Ok::<_, diesel::result::Error>(self.version.has_changed(connection))
        });
        if changed.is_ok() {
            self.connection = Some(connection);
        }
        changed.unwrap_or(true)
    }
}

fn count_uses(submission: &Submission, uses: &mut Uses) {
    for (_, step) in apply::steps(&submission.changes) {
        if let Step::Count { of, succeeded } = step {
            uses.add(of, succeeded);
        }
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
        for (at, step) in apply::steps(&submission.changes) {
            let now = submission.now;
            match apply::step(connection, failures, &step, now, &mut written) {
                Ok(true) => {}
                Ok(false) => return Err(TakenBack::Refused(at)),
                Err(failed) => return Err(TakenBack::Failed(failed)),
            }
        }
        Ok(written)
    };
    // A statement takes back by itself what it did, and a savepoint costs as much as one.
    let written = if apply::is_one_statement(&submission.changes) {
        write(connection)
    } else {
        transaction::savepoint(connection, write)
    };
    match written {
        Ok(records) => Ok(Ok(Commit::Applied(records))),
        Err(TakenBack::Refused(change)) => Ok(Ok(Commit::Refused { change })),
        Err(TakenBack::Failed(Failed::Store(error))) => Ok(Err(error)),
        Err(TakenBack::Failed(Failed::Query(error))) => Err(error),
    }
}

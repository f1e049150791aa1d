//! Commits to a server, which may go away in the middle of them.
//!
//! A transaction that the server did not come to know is simply made again on a new connection.
//! One whose COMMIT was sent without an answer may have been carried out or not: the server is
//! asked for the mark that it would have left once it is there again, for as long as that takes,
//! as either guess could lose a change or make it twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error};

use super::backoff::Backoff;
use super::change::{self, Counts};
use super::claim;
use super::connections::Connections;
use super::failure::{is_lost, is_of_content};
use super::mark::Mark;
use super::session::Session;
use super::sql::{Parameter, sql};
use super::watch::CHANNEL;
use crate::error::StoreError;
use crate::location::OpenOptions;
use crate::store::Durability;
use crate::ticket::Commit;
use crate::writer::{Answer, Committer, Submission, Write};

/// How often a transaction is made again that the server has ended for the sake of another one.
const TRIES: u32 = 5;

/// What the writing thread owns; it connects at the first submission.
pub(super) struct ServerCommitter {
    connections: Arc<Connections>,
    /// None before the first submission, and after a failure that leaves its state unknown.
    connection: Option<Session>,
    durability: Durability,
    mark: Mark,
    /// What our notifications say, so that we know them.
    name: String,
}

/// Why a transaction came to nothing, as far as is known.
enum Trouble {
    /// The connection was lost before COMMIT was sent: nothing was written.
    Lost(StoreError),
    /// The connection was lost before COMMIT was answered.
    Unanswered,
    /// The server took it back in favour of another one.
    Again(StoreError),
    Failed(StoreError),
}

impl ServerCommitter {
    pub(super) fn new(connections: Arc<Connections>, options: &OpenOptions, name: String) -> Self {
        Self {
            connections,
            connection: None,
            durability: options.durability,
            mark: Mark::new(),
            name,
        }
    }

    fn connect(&mut self) -> Result<Session, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.connections.connect_writer(self.durability),
        }
    }

    fn patience(&self) -> Duration {
        self.connections.failures().patience
    }

    /// Makes one transaction.
    fn attempt(&mut self, batch: &mut [Write]) -> Result<(), Trouble> {
        let mut connection = self.connect().map_err(|error| match error {
            StoreError::Unreachable { .. } => Trouble::Lost(error),
            other => Trouble::Failed(other),
        })?;
        let began = Instant::now();
        let counts = match self.write(&mut connection, batch) {
            Ok(written) => written,
            Err(error) => return Err(self.trouble(connection, error, began)),
        };
        self.mark.advance();
        let mark = self.mark.statement();
        let commit = format!("{}{mark}COMMIT", counts.statements());
        match connection.batch_execute(&commit) {
            Ok(()) => {
                self.connection = Some(connection);
                Ok(())
            }
            Err(error) if is_lost(&mut connection, &error) => Err(Trouble::Unanswered),
            Err(error) => Err(self.trouble(connection, error, began)),
        }
    }

    /// A failure of the server's, and the connection put back if it has outlived that.
    fn trouble(&mut self, mut connection: Session, error: Error, began: Instant) -> Trouble {
        if is_lost(&mut connection, &error) {
            return Trouble::Lost(self.connections.failures().of_loss(error));
        }
        let again = is_conflict(&error);
        let error = self.connections.refusal(&mut connection, error, began);
        self.connection = Some(connection);
        match error {
            error if again => Trouble::Again(error),
            error @ StoreError::Unreachable { .. } => Trouble::Lost(error),
            error => Trouble::Failed(error),
        }
    }

    /// Writes a batch in a transaction that is left open; what is still to be counted in it.
    fn write(&self, connection: &mut Session, batch: &mut [Write]) -> QueryResult<Counts> {
        let mut counts = Counts::default();
        connection.batch_execute("BEGIN")?;
        match all_together(connection, batch, &mut counts) {
            Ok(true) => {}
            Err(error) if !is_of_content(&error) => return Err(error),
            // Somebody's changes are to be taken back, and only they.
            Ok(false) | Err(_) => {
                counts = Counts::default();
                connection.batch_execute("ROLLBACK; BEGIN")?;
                self.one_by_one(connection, batch)?;
            }
        }
        if batch.iter().any(Write::has_queued) {
            let parameters = [CHANNEL, &self.name].map(Parameter::text);
            sql::<()>("SELECT pg_notify(?, ?)", parameters.into()).execute(connection)?;
        }
        Ok(counts)
    }

    /// Writes each by itself, so that each can be taken back by itself.
    fn one_by_one(&self, connection: &mut Session, batch: &mut [Write]) -> QueryResult<()> {
        for write in batch {
            match write {
                Write::Claim(it) => it.claims = Some(claim::claim(connection, &it.claim)?),
                Write::Submission(it) => {
                    connection.batch_execute("SAVEPOINT submission")?;
                    let answer = self.alone(connection, it)?;
                    connection.batch_execute(match answer {
                        Ok(Commit::Applied(_)) => "RELEASE SAVEPOINT submission",
                        _ => "ROLLBACK TO SAVEPOINT submission",
                    })?;
                    it.answer = Some(answer);
                }
            }
        }
        Ok(())
    }

    /// Writes the changes of a submission one after another, up to one that is not made.
    fn alone(&self, connection: &mut Session, submission: &Submission) -> QueryResult<Answer> {
        let mut records = Vec::new();
        for (at, change) in submission.changes.iter().enumerate() {
            let only = std::iter::once((change, submission.now));
            let mut counts = Counts::default();
            let made = change::make(connection, only, &mut counts);
            match made.and_then(|results| counts.write(connection).map(|()| results)) {
                Ok(results) if results.applied == [true] => {
                    records.extend(results.records(0, change));
                }
                Ok(_) => return Ok(Ok(Commit::Refused { change: at })),
                Err(error) if is_of_content(&error) => {
                    return Ok(Err(self.connections.failures().of_change(change, error)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ok(Commit::Applied(records)))
    }

    /// Whether the transaction was committed whose COMMIT had no answer; asks until it is told.
    fn was_committed(&mut self) -> bool {
        let mut backoff = Backoff::default();
        loop {
            match self.ask() {
                Ok(committed) => return committed,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "it is not known whether a change was committed");
                }
            }
            backoff.wait();
        }
    }

    fn ask(&mut self) -> Result<bool, StoreError> {
        let mut connection = self.connect()?;
        match self.mark.was_committed(&mut connection) {
            Ok(committed) => {
                self.mark = Mark::new();
                self.connection = Some(connection);
                Ok(committed)
            }
            Err(error) => Err(self.connections.failures().of_query(&mut connection, error)),
        }
    }
}

impl Drop for ServerCommitter {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection
            && let Err(error) = self.mark.clear(connection)
        {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(
                error,
                "the mark of a writer stays until others take it away"
            );
        }
    }
}

impl Committer for ServerCommitter {
    /// Waits for a server that is gone for as long as for a lock.
    fn commit(&mut self, batch: &mut [Write]) -> Result<(), StoreError> {
        let mut backoff = Backoff::until(self.patience());
        let mut tries = 1;
        loop {
            match self.attempt(batch) {
                Ok(()) => return Ok(()),
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Again(_)) if tries < TRIES => tries += 1,
                Err(Trouble::Again(error)) => return Err(error),
                Err(Trouble::Lost(error)) => {
                    if !backoff.wait() {
                        return Err(error);
                    }
                }
                Err(Trouble::Unanswered) => {
                    if self.was_committed() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Asked when somebody has notified us, or may have.
    fn others_have_written(&mut self) -> bool {
        true
    }
}

/// Writes a batch as one, claims in their turn; false when a submission was refused of which
/// something was written, which is to be taken back.
fn all_together(
    connection: &mut Session,
    batch: &mut [Write],
    counts: &mut Counts,
) -> QueryResult<bool> {
    let mut at = 0;
    while at < batch.len() {
        if let Write::Claim(it) = &mut batch[at] {
            it.claims = Some(claim::claim(connection, &it.claim)?);
            at += 1;
            continue;
        }
        let is_claim = |write: &Write| matches!(write, Write::Claim(_));
        let following = batch[at..].iter().position(is_claim);
        let until = following.map_or(batch.len(), |further| at + further);
        if !submissions_together(connection, &mut batch[at..until], counts)? {
            return Ok(false);
        }
        at = until;
    }
    Ok(true)
}

fn submissions_together(
    connection: &mut Session,
    batch: &mut [Write],
    counts: &mut Counts,
) -> QueryResult<bool> {
    let changes = batch.iter().flat_map(|write| {
        let submission = submission(write);
        submission.into_iter().flat_map(|submission| {
            let changes = submission.changes.iter();
            changes.map(|change| (change, submission.now))
        })
    });
    let results = change::make(connection, changes, counts)?;
    let mut number = 0;
    for write in batch {
        let Write::Submission(submission) = write else {
            continue;
        };
        let numbers = number..number + submission.changes.len();
        number = numbers.end;
        let all = results.applied[numbers.clone()].iter().all(|it| *it);
        let commit = match (all, submission.changes.len()) {
            (true, _) => {
                let changes = numbers.zip(&submission.changes);
                let records = changes.flat_map(|(at, change)| results.records(at, change));
                Commit::Applied(records.collect())
            }
            (false, 1) if change::is_one_statement(&submission.changes[0]) => {
                Commit::Refused { change: 0 }
            }
            (false, _) => return Ok(false),
        };
        submission.answer = Some(Ok(commit));
    }
    Ok(true)
}

fn submission(write: &Write) -> Option<&Submission> {
    match write {
        Write::Submission(submission) => Some(submission),
        Write::Claim(_) => None,
    }
}

/// Whether the server ended a transaction as it got into another one's way.
fn is_conflict(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        Error::DatabaseError(_, information) => information.message() == "deadlock detected",
        _ => false,
    }
}

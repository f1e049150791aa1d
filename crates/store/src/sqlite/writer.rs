//! The one thread that writes.
//!
//! It commits whatever has queued up while it was busy with the commit before: alone on a
//! quiet ledger, many at once on a busy one, and nobody waits for a timer.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::{io, iter};

use diesel::SqliteConnection;
use hostledger_model::Timestamp;

use super::apply;
use super::connections::Connections;
use super::failure::{Failed, Failures};
use super::transaction;
use crate::change::Change;
use crate::error::StoreError;
use crate::ticket::{Commit, Completion, Ticket};

/// Submissions in one transaction at most, so that none waits long for the others.
const LARGEST_BATCH: usize = 256;

/// Hands submissions to the writing thread; dropped, it lets the thread finish what it has.
pub(super) struct Writer {
    /// None once it is being dropped.
    queue: Option<Sender<Submission>>,
    thread: Option<JoinHandle<()>>,
}

struct Submission {
    now: Timestamp,
    changes: Vec<Change>,
    completion: Completion,
}

type Answer = Result<Commit, StoreError>;

impl Writer {
    /// Starts the thread; it connects at the first submission.
    pub(super) fn start(failures: Failures) -> io::Result<Self> {
        let (queue, submissions) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || Thread::new(failures).run(&submissions))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    pub(super) fn submit(&self, now: Timestamp, changes: Vec<Change>) -> Ticket {
        let (ticket, completion) = Ticket::pending();
        let submission = Submission {
            now,
            changes,
            completion,
        };
        // One that cannot be sent comes back and answers, as it is dropped, that the writer
        // is gone.
        if let Some(queue) = &self.queue
            && queue.send(submission).is_err()
        {
            tracing::error!("the ledger's writer has ended");
        }
        ticket
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The last owner may go away inside a listener, that is, on the thread itself.
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!("the ledger's writer panicked");
        }
    }
}

/// What the thread owns.
struct Thread {
    failures: Failures,
    /// None before the first submission, and after a failure that leaves its state unknown.
    connection: Option<SqliteConnection>,
}

impl Thread {
    fn new(failures: Failures) -> Self {
        Self {
            failures,
            connection: None,
        }
    }

    fn run(&mut self, submissions: &Receiver<Submission>) {
        while let Ok(first) = submissions.recv() {
            let queued = submissions.try_iter().take(LARGEST_BATCH - 1);
            let batch: Vec<_> = iter::once(first).chain(queued).collect();
            let answers = self.write(&batch);
            for (submission, answer) in batch.into_iter().zip(answers) {
                submission.completion.answer(answer);
            }
        }
    }

    /// Commits a batch, and when the database fails under it, each submission by itself: then
    /// one that is too large for the disk, say, takes nobody along.
    fn write(&mut self, batch: &[Submission]) -> Vec<Answer> {
        let error = match self.commit(batch) {
            Ok(answers) => return answers,
            Err(error) => error,
        };
        if batch.len() == 1 || matches!(error, StoreError::Locked { .. }) {
            return batch.iter().map(|_| Err(error.clone())).collect();
        }
        batch
            .iter()
            .flat_map(|submission| self.write(std::slice::from_ref(submission)))
            .collect()
    }

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

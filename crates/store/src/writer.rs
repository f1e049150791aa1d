//! The one thread that writes.
//!
//! It commits whatever has queued up while it was busy with the commit before: alone on a
//! quiet ledger, many at once on a busy one, and nobody waits for a timer.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::{io, iter};

use hostledger_model::Timestamp;

use crate::change::Change;
use crate::error::StoreError;
use crate::ticket::{Commit, Completion, Ticket};

/// Submissions in one transaction at most, so that none waits long for the others.
const LARGEST_BATCH: usize = 256;

/// An engine's way to commit, owned by the writing thread.
pub(crate) trait Committer: Send + 'static {
    /// Commits a batch in one transaction: how each of its submissions ended, in their order.
    ///
    /// # Errors
    /// The database failed; nothing was written.
    fn commit(&mut self, batch: &[Submission]) -> Result<Vec<Answer>, StoreError>;
}

/// Hands submissions to the writing thread; dropped, it lets the thread finish what it has.
pub(crate) struct Writer {
    /// None once it is being dropped.
    queue: Option<Sender<Submission>>,
    thread: Option<JoinHandle<()>>,
}

/// Changes that are written together or not at all.
pub(crate) struct Submission {
    /// When.
    pub(crate) now: Timestamp,
    pub(crate) changes: Vec<Change>,
    completion: Completion,
}

/// How a submission ended.
pub(crate) type Answer = Result<Commit, StoreError>;

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(committer: impl Committer) -> io::Result<Self> {
        let (queue, submissions) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || run(committer, &submissions))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    pub(crate) fn submit(&self, now: Timestamp, changes: Vec<Change>) -> Ticket {
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

fn run(mut committer: impl Committer, submissions: &Receiver<Submission>) {
    while let Ok(first) = submissions.recv() {
        let queued = submissions.try_iter().take(LARGEST_BATCH - 1);
        let batch: Vec<_> = iter::once(first).chain(queued).collect();
        let answers = write(&mut committer, &batch);
        for (submission, answer) in batch.into_iter().zip(answers) {
            submission.completion.answer(answer);
        }
    }
}

/// Commits a batch, and when the database fails under it, each submission by itself: then one
/// that is too large for the disk, say, takes nobody along.
fn write(committer: &mut impl Committer, batch: &[Submission]) -> Vec<Answer> {
    let error = match committer.commit(batch) {
        Ok(answers) => return answers,
        Err(error) => error,
    };
    if batch.len() == 1 || concerns_all(&error) {
        return batch.iter().map(|_| Err(error.clone())).collect();
    }
    batch
        .iter()
        .flat_map(|submission| write(committer, std::slice::from_ref(submission)))
        .collect()
}

/// Whether each submission by itself would fail like this, after the same wait.
fn concerns_all(error: &StoreError) -> bool {
    matches!(error, StoreError::Locked { .. })
}

//! The one thread that writes.
//!
//! It commits whatever has queued up while it was busy with the commit before: alone on a
//! quiet ledger, many at once on a busy one. What nobody waits for follows the commit before only
//! after a pause, so that more comes together; nobody else waits for a timer.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hostledger_model::Timestamp;

use crate::bell::Bells;
use crate::change::Change;
use crate::claim::{Claim, Claims};
use crate::error::StoreError;
use crate::ticket::{Commit, Completion, Ticket};

/// Submissions and claims in one transaction at most, so that none waits long for the others.
const LARGEST_BATCH: usize = 256;

/// Between two commits of what nobody waits for.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether somebody waits for a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    None,
    Some,
}

/// An engine's way to commit, owned by the writing thread.
pub(crate) trait Committer: Send + 'static {
    /// Commits a batch in one transaction, in its order, and notes what came of each.
    ///
    /// # Errors
    /// The database failed; nothing was written, and what was noted means nothing.
    fn commit(&mut self, batch: &mut [Write]) -> Result<(), StoreError>;

    /// Whether others have written since the last time; yes when that cannot be told.
    fn others_have_written(&mut self) -> bool;
}

/// Hands submissions and claims to the writing thread; dropped, it lets the thread finish what
/// it has.
pub(crate) struct Writer {
    queue: Sender<Order>,
    bells: Arc<Bells>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is asked for.
enum Order {
    Write(Write),
    /// To find out whether others have written.
    Look,
    /// To end, as the last of its orders.
    Close,
}

/// What is to be committed, and what came of it.
pub(crate) enum Write {
    Submission(Submission),
    Claim(Claiming),
}

/// Changes that are written together or not at all.
pub(crate) struct Submission {
    /// When.
    pub(crate) now: Timestamp,
    pub(crate) changes: Vec<Change>,
    patience: Patience,
    /// What came of them.
    pub(crate) answer: Option<Answer>,
    completion: Completion,
}

/// Processes that are to be taken on.
pub(crate) struct Claiming {
    pub(crate) claim: Claim,
    /// What came of it.
    pub(crate) claims: Option<Claims>,
    completion: Completion<Claims>,
}

/// How a submission ended.
pub(crate) type Answer = Result<Commit, StoreError>;

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(committer: impl Committer) -> io::Result<Self> {
        let (queue, orders) = mpsc::channel();
        let bells = Arc::new(Bells::default());
        let theirs = Arc::clone(&bells);
        let thread = thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || run(committer, &orders, &theirs))?;
        Ok(Self {
            queue,
            bells,
            thread: Some(thread),
        })
    }

    pub(crate) fn submit(
        &self,
        now: Timestamp,
        changes: Vec<Change>,
        patience: Patience,
    ) -> Ticket {
        let (ticket, completion) = Ticket::pending();
        self.order(Write::Submission(Submission {
            now,
            changes,
            patience,
            answer: None,
            completion,
        }));
        ticket
    }

    pub(crate) fn claim(&self, claim: Claim) -> Ticket<Claims> {
        let (ticket, completion) = Ticket::pending();
        self.order(Write::Claim(Claiming {
            claim,
            claims: None,
            completion,
        }));
        ticket
    }

    /// What rings when our own writing may have made something due, and a way to have it ring
    /// when others have written.
    pub(crate) fn ears(&self) -> (&Bells, Look) {
        (&self.bells, Look(self.queue.clone()))
    }

    /// One that cannot be sent comes back and answers, as it is dropped, that the writer is gone.
    fn order(&self, write: Write) {
        if self.queue.send(Order::Write(write)).is_err() {
            tracing::error!("the ledger's writer has ended");
        }
    }
}

/// Has the writer find out whether others have written; the bells ring if so.
pub(crate) struct Look(Sender<Order>);

impl Look {
    pub(crate) fn ask(&self) {
        if self.0.send(Order::Look).is_err() {
            tracing::debug!("the ledger is closed: nobody looks whether others have written");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.queue.send(Order::Close).is_err() {
            tracing::error!("the ledger's writer has ended before its time");
        }
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The last owner may go away inside a listener, that is, on the thread itself.
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!("the ledger's writer panicked");
        }
    }
}

fn run(mut committer: impl Committer, orders: &Receiver<Order>, bells: &Bells) {
    let mut round = Round::default();
    while !round.closes
        && let Ok(first) = orders.recv()
    {
        round.hurries = false;
        round.collect(first, orders);
        if std::mem::take(&mut round.looks) && committer.others_have_written() {
            bells.ring();
        }
        let batch = std::mem::take(&mut round.batch);
        if !batch.is_empty() {
            write_all(&mut committer, batch, bells);
            round.last_commit = Some(Instant::now());
        }
    }
}

/// What is to be done in one go.
#[derive(Default)]
struct Round {
    batch: Vec<Write>,
    looks: bool,
    closes: bool,
    /// Whether somebody waits for any of it.
    hurries: bool,
    last_commit: Option<Instant>,
}

impl Round {
    /// Takes what has queued up, and waits for more as long as all of it can.
    fn collect(&mut self, first: Order, orders: &Receiver<Order>) {
        self.take(first);
        let until = self.last_commit.map(|last| last + PAUSE);
        while self.batch.len() < LARGEST_BATCH {
            let next = match until {
                Some(until) if !self.hurries => {
                    let left = until.saturating_duration_since(Instant::now());
                    orders.recv_timeout(left).ok()
                }
                _ => orders.try_recv().ok(),
            };
            let Some(order) = next else { break };
            self.take(order);
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Write(write) => {
                self.hurries |= !write.can_wait();
                self.batch.push(write);
            }
            Order::Look => (self.looks, self.hurries) = (true, true),
            Order::Close => (self.closes, self.hurries) = (true, true),
        }
    }
}

fn write_all(committer: &mut impl Committer, mut batch: Vec<Write>, bells: &Bells) {
    let committed = write(committer, &mut batch);
    let mut written = batch.iter().zip(&committed);
    if written.any(|(write, committed)| committed.is_ok() && write.has_queued()) {
        bells.ring();
    }
    for (write, committed) in batch.into_iter().zip(committed) {
        write.answer(committed);
    }
}

/// Commits a batch, and when the database fails under it, each write by itself: then one that is
/// too large for the disk, say, takes nobody along.
fn write(committer: &mut impl Committer, batch: &mut [Write]) -> Vec<Result<(), StoreError>> {
    let committed = committer.commit(batch);
    let failed_alone = batch.len() == 1 || committed.as_ref().is_err_and(concerns_all);
    if committed.is_ok() || failed_alone {
        return vec![committed; batch.len()];
    }
    batch
        .iter_mut()
        .map(|write| committer.commit(std::slice::from_mut(write)))
        .collect()
}

/// Whether each write by itself would fail like this, after the same wait.
fn concerns_all(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Locked { .. }
            | StoreError::Unreachable { .. }
            | StoreError::Login { .. }
            | StoreError::Untrusted { .. }
    )
}

impl Write {
    fn can_wait(&self) -> bool {
        matches!(self, Self::Submission(it) if it.patience == Patience::Some)
    }

    /// Whether something may be due by it that was not before.
    pub(crate) fn has_queued(&self) -> bool {
        match self {
            Self::Submission(it) => {
                let applied = matches!(it.answer, Some(Ok(Commit::Applied(_))));
                applied && it.changes.iter().any(Change::queues)
            }
            Self::Claim(_) => false,
        }
    }

    fn answer(self, committed: Result<(), StoreError>) {
        let gone = StoreError::WriterGone;
        match self {
            Self::Submission(it) => {
                it.completion
                    .answer(committed.and(it.answer.unwrap_or(Err(gone))));
            }
            Self::Claim(it) => it.completion.answer(committed.and(it.claims.ok_or(gone))),
        }
    }
}

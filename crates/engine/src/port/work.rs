//! What working off a queue needs of others.

use std::os::fd::BorrowedFd;

use hostledger_model::{Process, Timestamp};
use hostledger_store::Claims;

use super::{BookError, LaunchOrder};

/// Called once with what came of a claim, from any thread; it must not block.
pub type Answered = Box<dyn FnOnce(Result<Claims, BookError>) + Send>;

/// Where processes wait to be started.
pub trait Queue: Send {
    /// Has at most `limit` processes that are due at `now` taken on in our name; returns at once.
    fn claim(&self, limit: u32, now: Timestamp, answered: Answered);

    /// Becomes readable when [`has_news`](Self::has_news) may have something to tell.
    fn readiness(&self) -> BorrowedFd<'_>;

    /// Whether processes may have become due since the last call, by the doing of others. It does
    /// not wait.
    fn has_news(&mut self) -> bool;
}

/// Makes out of a row what is needed to start its program.
pub trait Orders: Send {
    /// The order for a process that was taken on; made on the thread of the event loop, so it
    /// must be quick. What is learnt of the process meanwhile, such as which recorded program it
    /// runs, is put into its row.
    ///
    /// # Errors
    /// It cannot be started like this; its row will say so.
    fn order(&self, process: &mut Process) -> Result<LaunchOrder, NotStartable>;
}

/// Where, or when, a process cannot be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotStartable {
    /// Nowhere: so it has failed.
    Ever {
        /// What a shell would give: 127 when there is no such program, else 126.
        exit_code: i32,
        /// Why, for people.
        reason: String,
    },
    /// Not by this worker: it is another one's, and put off until that has had time for it.
    Here {
        /// Why, for people.
        reason: String,
    },
}

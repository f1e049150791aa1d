//! Hearing of what becomes due.

use std::os::fd::BorrowedFd;

/// Tells that processes may have become due that were not when they were last claimed: others
/// have written, in this program or another, or it is not known whether they have.
///
/// It begins with its making: what was written before is for the first claim after that. It
/// never misses anything; that it tells of something that makes no difference is allowed, but
/// not that it does so by the clock.
pub trait QueueWatch: Send {
    /// Becomes readable when there may be something to tell; to be waited for by those who
    /// have nothing to do, who then call [`take`](Self::take).
    fn readiness(&self) -> BorrowedFd<'_>;

    /// Whether processes may have become due since the last call. It does not wait: when that
    /// is still to be found out, it says no, and the descriptor becomes readable again.
    fn take(&mut self) -> bool;
}

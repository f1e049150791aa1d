//! The end of a process as something to wait for beside other things.

use std::future::Future;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hostledger_engine::{Progress, Watch};
use hostledger_model::Process;

use crate::{LedgerError, Running};

/// The end of a process, once it is written down: a descriptor for poll(2) and the like, and a
/// future for any runtime or none. Made by [`Running::ended`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let ledger = hostledger::Ledger::open(directory.path().join("ledger"))?;
/// use std::os::fd::AsFd as _;
///
/// let running = ledger.command("true").launch()?;
/// let ended = running.ended()?;
/// let mut fds = [rustix::event::PollFd::new(&ended, rustix::event::PollFlags::IN)];
/// rustix::event::poll(&mut fds, None)?;
/// assert_eq!(ended.process()?.and_then(|process| process.exit_code), Some(0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Ended {
    watch: Arc<Watch>,
    readiness: OwnedFd,
}

impl Running {
    /// Its end, to be waited for beside other things.
    ///
    /// # Errors
    /// Descriptors have run out.
    pub fn ended(&self) -> Result<Ended, LedgerError> {
        let watch = Arc::clone(self.watch());
        let readiness = watch.readiness().map_err(LedgerError::Descriptors)?;
        Ok(Ended { watch, readiness })
    }
}

impl Ended {
    /// The row of the process when it has ended; none until then.
    ///
    /// # Errors
    /// What happened could not be written down; the error has the exit code.
    pub fn process(&self) -> Result<Option<Process>, LedgerError> {
        match self.watch.progress() {
            Progress::Ended(process) | Progress::Queued(process) => Ok(Some(*process)),
            Progress::NotRecorded(error) => Err(error.into()),
            Progress::Starting | Progress::Running(_) => Ok(None),
        }
    }
}

/// Readable, for ever, once the end is written down.
impl AsFd for Ended {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.readiness.as_fd()
    }
}

impl AsRawFd for Ended {
    fn as_raw_fd(&self) -> RawFd {
        self.readiness.as_raw_fd()
    }
}

impl Future for Ended {
    type Output = Result<Process, LedgerError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Before looking: an end in between wakes for nothing, instead of never.
        self.watch.wake(context.waker());
        self.process()
            .transpose()
            .map_or(Poll::Pending, Poll::Ready)
    }
}

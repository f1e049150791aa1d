//! Waiting for what others are at work on.

use std::time::Duration;

use hostledger_engine::OwnerWatch;
use hostledger_engine::install::Installer;
use hostledger_model::Timestamp;
use hostledger_store::QueueWatch;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::{Interruption, Ledger, LedgerError};

/// Where nobody tells of the death of whoever is at work, its lease is over some time; and then it
/// is looked at this often.
const PAST_LEASE: Duration = Duration::from_secs(5);

/// Wakes when the ledger is written to, when somebody who is at work dies, and at an interruption.
pub(super) struct Waiting<'a> {
    news: Box<dyn QueueWatch>,
    owners: OwnerWatch,
    interruption: &'a Interruption,
}

impl<'a> Waiting<'a> {
    /// From here on nothing is missed.
    pub(super) fn begin(
        ledger: &Ledger,
        installer: &Installer,
        interruption: &'a Interruption,
    ) -> Result<Self, LedgerError> {
        let owners = OwnerWatch::new(&installer.bystander.owners, installer.owner)
            .map_err(LedgerError::Descriptors)?;
        Ok(Self {
            news: ledger.store().watch()?,
            owners,
            interruption,
        })
    }

    /// Waits until there may be something to see, or a lease is over.
    pub(super) fn wait(&mut self, lease_until: Option<Timestamp>) -> Result<(), LedgerError> {
        let bell = self.interruption.bell().map_err(LedgerError::Descriptors)?;
        let left = lease_until.and_then(|until| until.since(Timestamp::now()).to_std().ok());
        let limit = Timespec::try_from(left.unwrap_or_default().max(PAST_LEASE)).ok();
        let mut fds = [
            PollFd::from_borrowed_fd(self.news.readiness(), PollFlags::IN),
            PollFd::new(&self.owners, PollFlags::IN),
            PollFd::from_borrowed_fd(bell, PollFlags::IN),
        ];
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(LedgerError::Descriptors(errno.into())),
        }
        // What they tell is looked at all the same: only that they are quiet again counts.
        let _told = self.news.take();
        self.owners.take_gone().map_err(LedgerError::Descriptors)?;
        Ok(())
    }
}

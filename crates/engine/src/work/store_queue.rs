//! The queue of a ledger.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use chrono::TimeDelta;
use hostledger_lifecycle::process::LEASE;
use hostledger_model::{Lease, MachineId, OwnerId, Timestamp};
use hostledger_store::{Claim, QueueWatch, Store, StoreError};

use crate::port::{Answered, BookError, Queue};

/// A [`Queue`] in a [`Store`].
pub struct StoreQueue {
    store: Arc<dyn Store>,
    machine: MachineId,
    owner: OwnerId,
    lease: Lease,
    watch: Box<dyn QueueWatch>,
}

impl StoreQueue {
    /// The queue of a machine, from which `owner` takes. From here on news is heard.
    ///
    /// # Errors
    /// The database cannot be listened to.
    pub fn open(
        store: Arc<dyn Store>,
        machine: MachineId,
        owner: OwnerId,
    ) -> Result<Self, StoreError> {
        let watch = store.watch()?;
        Ok(Self {
            store,
            machine,
            owner,
            lease: LEASE,
            watch,
        })
    }

    /// Has what is claimed stay ours for this long beyond its timeout, instead of 30 s.
    #[must_use]
    pub fn slack(mut self, slack: TimeDelta) -> Self {
        self.lease.slack = slack;
        self
    }
}

impl Queue for StoreQueue {
    fn claim(&self, limit: u32, now: Timestamp, answered: Answered) {
        let claim = Claim {
            machine: self.machine,
            owner: self.owner,
            now,
            limit,
            lease: self.lease,
        };
        self.store.claim(claim).notify(move |claims| {
            answered(claims.map_err(|error| Arc::new(error) as BookError));
        });
    }

    fn readiness(&self) -> BorrowedFd<'_> {
        self.watch.readiness()
    }

    fn has_news(&mut self) -> bool {
        self.watch.take()
    }
}

//! Our row among the owners of a ledger, for those who do not see our lock beside their own.

use std::sync::Arc;

use hostledger_engine::{Heartbeat, Owner};
use hostledger_model::{MachineId, OwnerId, OwnerPlace, OwnerRecord, Timestamp};
use hostledger_store::{Change, OwnerChange, Store};

use crate::{DataDir, LedgerError};

/// A row that goes when this does, unless something that we took on is still open.
pub(crate) struct Registration {
    store: Arc<dyn Store>,
    id: OwnerId,
    machine: MachineId,
    /// On a server, whose users may be unable to see our lock.
    heartbeat: Option<Heartbeat>,
}

impl Registration {
    /// Submits the row; it is written before anything that is submitted later, such as what the
    /// owner takes on.
    ///
    /// # Errors
    /// The data directory cannot be marked, or threads have run out.
    pub(crate) fn submit(
        store: Arc<dyn Store>,
        owner: &Owner,
        machine: MachineId,
        data_dir: &DataDir,
    ) -> Result<Self, LedgerError> {
        let (id, now) = (owner.id(), Timestamp::now());
        let record = OwnerRecord {
            id,
            machine_id: machine,
            place: Some(OwnerPlace {
                data_dir: data_dir.path().to_owned(),
                mark: Owner::mark(&data_dir.owners())?,
            }),
            started_at: now,
            seen_at: now,
        };
        let seen = Change::Owner(OwnerChange::Seen(Box::new(record.clone())));
        // Not waited for: without it, others wait until our leases are over.
        drop(store.submit(now, vec![seen]));
        let beating = || Heartbeat::start(Arc::clone(&store), record, Heartbeat::PERIOD);
        let heartbeat = store.is_remote().then(beating).transpose();
        Ok(Self {
            heartbeat: heartbeat.map_err(LedgerError::Thread)?,
            store,
            id,
            machine,
        })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Said afterwards, it would bring the row back.
        drop(self.heartbeat.take());
        let (id, machine) = (self.id, self.machine);
        let gone = Change::Owner(OwnerChange::Gone { id, machine });
        drop(self.store.submit(Timestamp::now(), vec![gone]));
    }
}

//! The engine's changes, written by the store.

use std::sync::Arc;

use hostledger_model::{OwnerId, Process, ProcessChange, ProcessId, Timestamp};
use hostledger_store::{Change, Store, Used};

use crate::port::{BookError, ProcessBook, Saved};

/// A [`ProcessBook`] kept in a [`Store`].
pub struct StoreBook(Arc<dyn Store>);

impl StoreBook {
    /// A book kept in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

impl ProcessBook for StoreBook {
    fn save(
        &self,
        id: ProcessId,
        owner: OwnerId,
        change: ProcessChange,
        now: Timestamp,
        saved: Saved,
    ) {
        let change = Change::ChangeProcess {
            id,
            change,
            owner: Some(owner),
        };
        self.0.submit(now, vec![change]).notify(move |answer| {
            let applied = answer.map(|commit| commit.is_applied());
            saved(applied.map_err(|error| Arc::new(error) as BookError));
        });
    }

    fn read(&self, id: ProcessId) -> Result<Option<Process>, BookError> {
        self.0
            .process(id)
            .map_err(|error| Arc::new(error) as BookError)
    }

    fn count_use(&self, process: &Process, succeeded: bool, now: Timestamp) {
        let used = [
            Some(Used::Machine(process.machine_id)),
            process.interface_id.map(Used::Interface),
            process.binary_id.map(Used::Binary),
        ];
        let changes = used
            .into_iter()
            .flatten()
            .map(|of| Change::CountUse { of, succeeded })
            .collect();
        let id = process.id;
        self.0.submit(now, changes).notify(move |answer| {
            if let Err(error) = answer {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, %id, "a use was not counted");
            }
        });
    }
}

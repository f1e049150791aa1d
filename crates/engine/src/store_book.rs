//! The engine's changes, written by the store.

use std::path::PathBuf;
use std::sync::Arc;

use hostledger_model::{OwnerId, Process, ProcessChange, ProcessId, Timestamp};
use hostledger_store::{Change, Store};

use crate::bystander::uses;
use crate::own_directory;
use crate::port::{BookError, ProcessBook, Saved};
use crate::secrets;

/// A [`ProcessBook`] kept in a [`Store`].
pub struct StoreBook {
    store: Arc<dyn Store>,
    /// The ledger's directory, where secrets wait.
    data_dir: PathBuf,
}

impl StoreBook {
    /// A book kept in `store`, of the ledger in `data_dir`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, data_dir: PathBuf) -> Self {
        Self { store, data_dir }
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
        self.store.submit(now, vec![change]).notify(move |answer| {
            let applied = answer.map(|commit| commit.is_applied());
            saved(applied.map_err(|error| Arc::new(error) as BookError));
        });
    }

    fn read(&self, id: ProcessId) -> Result<Option<Process>, BookError> {
        self.store
            .process(id)
            .map_err(|error| Arc::new(error) as BookError)
    }

    fn count_use(&self, process: &Process, succeeded: bool, now: Timestamp) {
        let changes = uses(process, succeeded).collect();
        let id = process.id;
        self.store.submit(now, changes).notify(move |answer| {
            if let Err(error) = answer {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, %id, "a use was not counted");
            }
        });
    }

    fn opened(&self, process: &Process) {
        own_directory::note_start(process);
    }

    fn closed(&self, process: &Process) {
        own_directory::note_end(process);
        secrets::forget(&*self.store, &self.data_dir, process);
    }
}

//! The engine's changes, written by the store.

use std::path::PathBuf;
use std::sync::Arc;

use hostledger_model::{Process, ProcessId};
use hostledger_store::{Change, Store};

use crate::bystander::uses;
use crate::own_directory;
use crate::port::{BookError, ProcessBook, Saved, Writing};
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
    fn save(&self, process: &Process, writing: Writing, saved: Saved) {
        let Writing { id, now, .. } = writing;
        let owner = Some(writing.owner);
        let changes = writing.changes.into_iter();
        let changes = changes.map(|change| Change::ChangeProcess { id, change, owner });
        let counts = writing.counts.into_iter();
        let counts = counts.flat_map(|succeeded| uses(process, succeeded));
        let changes = changes.chain(counts).collect();
        let ticket = if writing.patient {
            self.store.submit_patiently(now, changes)
        } else {
            self.store.submit(now, changes)
        };
        ticket.notify(move |answer| {
            let applied = answer.map(|commit| commit.is_applied());
            saved(applied.map_err(|error| Arc::new(error) as BookError));
        });
    }

    fn read(&self, id: ProcessId) -> Result<Option<Process>, BookError> {
        self.store
            .process(id)
            .map_err(|error| Arc::new(error) as BookError)
    }

    fn opened(&self, process: &Process) {
        own_directory::note_start(process);
    }

    fn closed(&self, process: &Process) {
        own_directory::note_end(process);
        secrets::forget(&*self.store, &self.data_dir, process);
    }
}

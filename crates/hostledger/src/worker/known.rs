//! The installed programs of this machine, as a worker has them in mind.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hostledger_model::{Binary, BinaryId};
use hostledger_store::BinariesMark;

use crate::LedgerError;
use crate::binary::InstalledPrograms;

/// Installed programs by id, path and name: of several the one modified last.
#[derive(Default)]
pub(super) struct Known {
    mark: BinariesMark,
    by_id: HashMap<BinaryId, Arc<Binary>>,
    by_path: HashMap<String, Arc<Binary>>,
    /// By names in lower case.
    by_name: HashMap<String, Arc<Binary>>,
    /// Those whose file was hashed since they are known: that takes long once, and again only when
    /// the file has changed.
    hashed: Mutex<HashSet<BinaryId>>,
}

impl Known {
    /// Of these, the one modified last first, which have this mark or a later one.
    pub(super) fn new(mark: BinariesMark, binaries: impl IntoIterator<Item = Binary>) -> Self {
        let mut known = Self {
            mark,
            ..Self::default()
        };
        for binary in binaries.into_iter().map(Arc::new) {
            let (path, name) = (binary.abspath.clone(), binary.name.to_ascii_lowercase());
            known
                .by_path
                .entry(path)
                .or_insert_with(|| Arc::clone(&binary));
            known
                .by_name
                .entry(name)
                .or_insert_with(|| Arc::clone(&binary));
            known.by_id.insert(binary.id, binary);
        }
        known
    }

    /// Whether they are still the same.
    pub(super) fn has(&self, mark: &BinariesMark) -> bool {
        self.mark == *mark
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether nobody has hashed the file of one of these since they are known.
    pub(super) fn has_to_be_hashed(&self, binary: &Binary) -> bool {
        !self.hashed().contains(&binary.id)
    }

    pub(super) fn is_hashed(&self, binary: &Binary) {
        self.hashed().insert(binary.id);
    }

    fn hashed(&self) -> MutexGuard<'_, HashSet<BinaryId>> {
        self.hashed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InstalledPrograms for Known {
    fn by_id(&self, id: BinaryId) -> Result<Option<Arc<Binary>>, LedgerError> {
        Ok(self.by_id.get(&id).cloned())
    }

    fn at(&self, abspath: &str) -> Result<Option<Arc<Binary>>, LedgerError> {
        Ok(self.by_path.get(abspath).cloned())
    }

    fn named(&self, name: &str) -> Result<Option<Arc<Binary>>, LedgerError> {
        Ok(self.by_name.get(&name.to_ascii_lowercase()).cloned())
    }
}

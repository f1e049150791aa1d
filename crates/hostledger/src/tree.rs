//! Who started whom, as recorded.

use hostledger_model::{Process, ProcessId};
use hostledger_store::{Descendant, Rows};

use crate::{Ledger, LedgerError};

/// The recorded relatives of a process, by their ids: there can be many, each with a part of its
/// output in its row.
///
/// A process that is its own ancestor, which a damaged or foreign database can say, appears once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Which process.
    pub process: ProcessId,
    /// Those above it, its parent first and the root last; none when it is the root.
    pub ancestors: Vec<ProcessId>,
    /// Those below it, level by level, oldest first in each.
    pub descendants: Vec<Descendant>,
}

impl Tree {
    /// The one above all others.
    #[must_use]
    pub fn root(&self) -> ProcessId {
        self.ancestors.last().copied().unwrap_or(self.process)
    }

    /// How many are above it.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.ancestors.len()
    }
}

impl Ledger {
    /// The recorded relatives of a process. Their rows are read by
    /// [`processes_by_id`](Self::processes_by_id), as many at a time as memory is to hold.
    ///
    /// # Errors
    /// There is no such process, or the database cannot be read.
    pub fn tree(&self, id: ProcessId) -> Result<Tree, LedgerError> {
        self.process(id)?;
        Ok(Tree {
            process: id,
            ancestors: self.store().ancestors(id)?,
            descendants: self.store().descendants(id, None)?.complete()?,
        })
    }

    /// The processes of these ids, oldest first; an id that is not there is passed over.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn processes_by_id(&self, ids: &[ProcessId]) -> Result<Rows<Process>, LedgerError> {
        Ok(self.store().processes_by_id(ids)?)
    }
}

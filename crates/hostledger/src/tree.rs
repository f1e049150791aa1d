//! Who started whom, as recorded.

use std::collections::HashSet;

use hostledger_model::{Process, ProcessId};

use crate::{Ledger, LedgerError};

/// The recorded relatives of a process.
///
/// A process that is its own ancestor, which a damaged or foreign database can say, appears once.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// Those above it, its parent first and the root last; none when it is the root.
    pub ancestors: Vec<Process>,
    /// Itself.
    pub process: Process,
    /// Those below it, level by level, each with its distance.
    pub descendants: Vec<(usize, Process)>,
}

impl Tree {
    /// The one above all others.
    #[must_use]
    pub fn root(&self) -> &Process {
        self.ancestors.last().unwrap_or(&self.process)
    }

    /// How many are above it.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.ancestors.len()
    }
}

impl Ledger {
    /// The recorded relatives of a process: one query for each level above and below it.
    ///
    /// # Errors
    /// There is no such process, or the database cannot be read.
    pub fn tree(&self, id: ProcessId) -> Result<Tree, LedgerError> {
        let process = self.process(id)?;
        let ancestors = self.ancestors(&process)?;
        let descendants = self.descendants(id)?;
        Ok(Tree {
            ancestors,
            process,
            descendants,
        })
    }

    fn ancestors(&self, process: &Process) -> Result<Vec<Process>, LedgerError> {
        let mut seen = HashSet::from([process.id]);
        let mut ancestors = Vec::new();
        let mut next = process.parent_id;
        while let Some(id) = next.filter(|id| seen.insert(*id)) {
            // A parent can have been deleted by a program that does not clear the reference.
            let Some(parent) = self.store().process(id)? else {
                break;
            };
            next = parent.parent_id;
            ancestors.push(parent);
        }
        Ok(ancestors)
    }

    fn descendants(&self, id: ProcessId) -> Result<Vec<(usize, Process)>, LedgerError> {
        let mut seen = HashSet::from([id]);
        let mut descendants = Vec::new();
        let mut level = vec![id];
        for depth in 1.. {
            let mut children = self.store().children(&level)?.complete()?;
            children.retain(|child| seen.insert(child.id));
            if children.is_empty() {
                break;
            }
            level = children.iter().map(|child| child.id).collect();
            descendants.extend(children.into_iter().map(|child| (depth, child)));
        }
        Ok(descendants)
    }
}

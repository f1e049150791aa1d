//! Workers and hooks whose root has gone.

use std::collections::HashMap;

use hostledger_model::{Process, ProcessId, ProcessStatus, ProcessType, ancestors};
use hostledger_store::{ProcessFilter, StoreError};

use super::{Bystander, BystanderError};

impl Bystander {
    /// Running workers and hooks of this machine whose root, a command line or an orchestrator,
    /// has ended. Those that may outlive it, or are their own root, are none.
    pub(super) fn orphans(
        &self,
        failed: &mut Vec<(ProcessId, BystanderError)>,
    ) -> Result<Vec<Process>, BystanderError> {
        let mut known = HashMap::new();
        let mut orphans = Vec::new();
        for process_type in [ProcessType::Worker, ProcessType::Hook] {
            let rows = self.store.processes(&ProcessFilter {
                machine_id: Some(self.machine),
                process_type: Some(process_type),
                ..ProcessFilter::running()
            })?;
            for process in rows.records {
                match self.root_is_gone(&process, &mut known) {
                    Ok(true) if !process.detached => orphans.push(process),
                    Ok(_) => {}
                    Err(error) => failed.push((process.id, error.into())),
                }
            }
        }
        Ok(orphans)
    }

    fn root_is_gone(
        &self,
        process: &Process,
        known: &mut HashMap<ProcessId, Option<Ancestor>>,
    ) -> Result<bool, StoreError> {
        let line = ancestors(process.id, |id| {
            if id == process.id {
                return Ok(process.parent_id);
            }
            Ok::<_, StoreError>(self.ancestor(id, known)?.and_then(|it| it.parent_id))
        })?;
        let Some(root) = line.last() else {
            return Ok(false);
        };
        let root = self.ancestor(*root, known)?;
        Ok(root.is_some_and(|root| {
            let leads = matches!(
                root.process_type,
                ProcessType::Cli | ProcessType::Orchestrator
            );
            leads && root.status == ProcessStatus::Exited
        }))
    }

    fn ancestor(
        &self,
        id: ProcessId,
        known: &mut HashMap<ProcessId, Option<Ancestor>>,
    ) -> Result<Option<Ancestor>, StoreError> {
        if let Some(found) = known.get(&id) {
            return Ok(*found);
        }
        let found = self.store.process(id)?.map(|row| Ancestor {
            parent_id: row.parent_id,
            process_type: row.process_type,
            status: row.status,
        });
        known.insert(id, found);
        Ok(found)
    }
}

/// What is asked of an ancestor.
#[derive(Clone, Copy)]
struct Ancestor {
    parent_id: Option<ProcessId>,
    process_type: ProcessType,
    status: ProcessStatus,
}

//! Which processes to list.

use hostledger_model::{MachineId, ProcessId, ProcessStatus, ProcessType, Timestamp};

/// Which processes to list; what is none leaves the question open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessFilter {
    /// Where they are in their life.
    pub status: Option<ProcessStatus>,
    /// What kind they are.
    pub process_type: Option<ProcessType>,
    /// For workers: which kind of worker.
    pub worker_type: Option<String>,
    /// The host they belong to.
    pub machine_id: Option<MachineId>,
    /// The recorded process that started them.
    pub parent_id: Option<ProcessId>,
    /// The name somebody gave them.
    pub name: Option<String>,
    /// Created at this time or later.
    pub since: Option<Timestamp>,
    /// Only this many, the newest of those that fit.
    pub limit: Option<u32>,
}

impl ProcessFilter {
    /// All that have started and whose end is not known.
    #[must_use]
    pub fn running() -> Self {
        Self {
            status: Some(ProcessStatus::Running),
            ..Self::default()
        }
    }
}

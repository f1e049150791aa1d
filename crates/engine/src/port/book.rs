//! Where the engine has changes written down.

use std::error::Error;
use std::sync::Arc;

use hostledger_model::{OwnerId, Process, ProcessChange, ProcessId, Timestamp};

/// Called once, when a writing is durable (true), was refused as the row is no longer ours
/// (false), or could not be done. It may be called from any thread and must not block.
pub type Saved = Box<dyn FnOnce(Result<bool, BookError>) + Send>;

/// Why something could not be written.
///
/// Shared, as everybody who waits for the process is told.
pub type BookError = Arc<dyn Error + Send + Sync>;

/// What is to be written of a process, all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Writing {
    /// Whose row, if it still belongs to `owner`.
    pub id: ProcessId,
    /// Who writes.
    pub owner: OwnerId,
    /// What becomes of the row, step by step.
    pub changes: Vec<ProcessChange>,
    /// Whether a use of its binary, its interface and its machine is counted, and as one that
    /// went well.
    pub counts: Option<bool>,
    /// The row's modification time.
    pub now: Timestamp,
    /// Whether nobody waits for it: then it may be written together with what comes soon.
    pub patient: bool,
}

/// Writes what happens to processes, in the order in which it is told.
pub trait ProcessBook: Send {
    /// Has something written, and returns at once. `process` is the row as it was before: what
    /// it uses is counted.
    fn save(&self, process: &Process, writing: Writing, saved: Saved);

    /// The row as it stands now; none when there is none any more.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, id: ProcessId) -> Result<Option<Process>, BookError>;

    /// The start of a process is written: what stands beside its logs may be made.
    fn opened(&self, process: &Process);

    /// Nothing more is written of this attempt at a process: what was kept for it may go.
    fn closed(&self, process: &Process);
}

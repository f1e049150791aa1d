//! Where the engine has changes written down.

use std::error::Error;
use std::sync::Arc;

use hostledger_model::{OwnerId, Process, ProcessChange, ProcessId, Timestamp};

/// Called once, when a change is durable (true), was refused as the row is no longer ours
/// (false), or could not be written. It may be called from any thread and must not block.
pub type Saved = Box<dyn FnOnce(Result<bool, BookError>) + Send>;

/// Why a change could not be written.
///
/// Shared, as everybody who waits for the process is told.
pub type BookError = Arc<dyn Error + Send + Sync>;

/// Writes what happens to processes, in the order in which it is told.
pub trait ProcessBook: Send {
    /// Has a change of a row written, if the row still belongs to `owner`, and returns at once.
    /// `now` becomes the row's modification time.
    fn save(
        &self,
        id: ProcessId,
        owner: OwnerId,
        change: ProcessChange,
        now: Timestamp,
        saved: Saved,
    );

    /// The row as it stands now; none when there is none any more.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, id: ProcessId) -> Result<Option<Process>, BookError>;

    /// Has a use of the process's binary, interface and machine counted.
    fn count_use(&self, process: &Process, succeeded: bool, now: Timestamp);

    /// The start of a process is written: what stands beside its logs may be made.
    fn opened(&self, process: &Process);

    /// Nothing more is written of this attempt at a process: what was kept for it may go.
    fn closed(&self, process: &Process);
}

//! A process once more.

use super::change::{forget_end, forget_start};
use super::{Process, ProcessStatus};
use crate::{ProcessId, Timestamp};

impl Process {
    /// A new process that does what this one was asked to, queued and due at `now`; of what has
    /// happened to this one nothing is in it but its id.
    ///
    /// Its secrets are none of the row: whoever keeps them names their place in
    /// [`secret_batch`](Self::secret_batch).
    #[must_use]
    pub fn again(&self, now: Timestamp) -> Self {
        let mut again = Self {
            id: ProcessId::generate(),
            created_at: now,
            modified_at: now,
            restart_of: Some(self.id),
            status: ProcessStatus::Queued,
            retry_at: Some(now),
            owner: None,
            stop: None,
            attempt: 1,
            secret_batch: None,
            ..self.clone()
        };
        forget_start(&mut again);
        forget_end(&mut again);
        again
    }
}

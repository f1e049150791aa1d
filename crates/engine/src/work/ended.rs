//! Telling of what has ended.

use std::sync::mpsc::{SyncSender, TrySendError};

use hostledger_model::Process;

/// Whom to tell of each process that has ended for good.
///
/// The work waits for nobody: an end that there is no room for is not told.
#[derive(Debug, Clone)]
pub struct Ended {
    listener: Option<SyncSender<Process>>,
    with_output: bool,
}

impl Ended {
    /// Tells a channel, which holds no more than it has room for; with the beginning of what each
    /// process has printed, or without.
    #[must_use]
    pub fn new(listener: SyncSender<Process>, with_output: bool) -> Self {
        Self {
            listener: Some(listener),
            with_output,
        }
    }

    /// Tells of one; false when whoever listens has not made room for it.
    pub(crate) fn tell(&mut self, mut process: Process) -> bool {
        let Some(listener) = &self.listener else {
            return true;
        };
        if !self.with_output {
            (process.stdout, process.stderr) = (String::new(), String::new());
        }
        match listener.try_send(process) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => {
                // Nobody wants to know any more.
                self.listener = None;
                true
            }
        }
    }
}

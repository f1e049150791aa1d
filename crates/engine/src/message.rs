//! What other threads tell the event loop.

use std::sync::Arc;

use chrono::TimeDelta;
use hostledger_model::{Process, ProcessId, StopRequest};

use crate::port::{BookError, LaunchOrder};
use crate::watch::Watch;

pub(crate) enum Message {
    /// Start a process whose row is written and claimed.
    Launch {
        process: Box<Process>,
        order: Box<LaunchOrder>,
        watch: Arc<Watch>,
    },
    /// Stop a process.
    Stop {
        id: ProcessId,
        request: StopRequest,
        grace: Option<TimeDelta>,
    },
    /// Send a signal that is no request to stop.
    Signal { id: ProcessId, signal: i32 },
    /// A change has become durable, or has not.
    Saved {
        id: ProcessId,
        result: Result<bool, BookError>,
    },
    /// End, once what has happened is written down.
    Close,
}

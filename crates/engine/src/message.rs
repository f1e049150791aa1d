//! What other threads tell the event loop.

use std::sync::Arc;

use chrono::TimeDelta;
use hostledger_model::{Process, ProcessId, StopRequest};
use hostledger_store::Claims;

use crate::port::{BookError, LaunchOrder};
use crate::take_over::TakeOver;
use crate::watch::Watch;
use crate::work::{AtEnd, WorkPlan, WorkWatch};

pub(crate) enum Message {
    /// Start a process whose row is written and claimed.
    Launch {
        process: Box<Process>,
        order: Arc<LaunchOrder>,
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
    /// Work a queue off.
    Work {
        plan: Box<WorkPlan>,
        take_over: Option<TakeOver>,
        watch: Arc<WorkWatch>,
    },
    /// End the work.
    EndWork(AtEnd),
    /// A claim was answered.
    Claimed(Result<Claims, BookError>),
    /// A process that was not started is given back, or is not.
    GivenBack {
        id: ProcessId,
        result: Result<bool, BookError>,
    },
    /// End, once what has happened is written down.
    Close,
}

//! How long a process has run.

use chrono::TimeDelta;
use hostledger_model::{Process, Timestamp};
use hostledger_process::start_time;

/// Of one that runs: by the kernel's account where that is known, whose clock is never set.
pub(crate) fn age(process: &Process, now: Timestamp) -> Option<TimeDelta> {
    let by_kernel = process
        .identity
        .as_ref()
        .map(|it| start_time(it.start_ticks));
    Some(now.since(by_kernel.or(process.started_at)?))
}

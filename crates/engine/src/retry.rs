//! When a process that was kept is tried again.

use std::time::Duration;

use hostledger_lifecycle::process::RetryPolicy;
use hostledger_model::Process;

use crate::event_loop::chance;

/// How long to wait before a process that has failed is launched again, as the queue would have
/// had it wait.
#[must_use]
pub fn retry_wait(process: &Process) -> Duration {
    let failed = process.attempt.saturating_sub(1);
    let wait = RetryPolicy::default().backoff(failed, chance());
    wait.to_std().unwrap_or_default()
}

//! How long a process is somebody's.

use chrono::TimeDelta;

use crate::Timestamp;

/// For how long a process is taken on; when that is over, anybody may take it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Beyond the timeout of a process that has one.
    pub slack: TimeDelta,
    /// For a process without a timeout.
    pub without_timeout: TimeDelta,
}

impl Lease {
    /// When a lease that begins at `from` is over, for a process that may run for `timeout_ms`.
    #[must_use]
    pub fn end(self, timeout_ms: Option<u64>, from: Timestamp) -> Timestamp {
        let span = timeout(timeout_ms).map_or(self.without_timeout, |limit| {
            limit.checked_add(&self.slack).unwrap_or(TimeDelta::MAX)
        });
        from.saturating_add(span)
    }
}

/// A timeout in milliseconds as a span; one that is too long for that is none.
#[must_use]
pub fn timeout(timeout_ms: Option<u64>) -> Option<TimeDelta> {
    let millis = i64::try_from(timeout_ms?).ok()?;
    TimeDelta::try_milliseconds(millis)
}

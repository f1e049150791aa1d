//! The JSON of an earlier attempt.

use serde::Serialize;

use crate::{Attempt, LogPlace, Outcome, Pid, ResourceUsage, Timestamp};

/// An earlier attempt of a process as JSON, beside the record of the process: with the names that
/// the fields have there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptRecord {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Its own exit code, or 128 + the signal that ended it.
    pub exit_code: Option<i32>,
    /// When it started; none when it could not be started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it could not be started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its pid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
    /// What it used of the machine.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub usage: Option<ResourceUsage>,
    /// All it wrote to its output, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_bytes: Option<u64>,
    /// All it wrote to its error output, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_bytes: Option<u64>,
    /// Where its logs are, as [`LogPlace::to_text`] has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

impl From<&Attempt> for AttemptRecord {
    fn from(attempt: &Attempt) -> Self {
        let ended = &attempt.ended;
        let failed = ended.outcome == Outcome::SpawnFailed;
        Self {
            attempt: attempt.number,
            outcome: ended.outcome,
            exit_code: ended.exit_code,
            started_at: attempt.started_at,
            ended_at: ended.ended_at,
            reason: failed.then(|| ended.stderr.clone()),
            pid: attempt.identity.as_ref().map(|identity| identity.pid),
            usage: ended.usage,
            stdout_bytes: ended.stdout_bytes,
            stderr_bytes: ended.stderr_bytes,
            log: attempt.log.as_ref().map(LogPlace::to_text),
        }
    }
}

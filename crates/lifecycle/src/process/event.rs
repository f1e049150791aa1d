//! What can happen to a process.

use chrono::TimeDelta;
use hostledger_model::{
    LogPlace, ProcessIdentity, ResourceUsage, StopRequest, Termination, Timestamp,
};

/// Something that happened to a process, or that somebody wants of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It is due.
    Tick,
    /// Somebody wants it started now.
    Launch,
    /// Its program was executed.
    Spawned {
        /// Who it is.
        identity: ProcessIdentity,
        /// When it started, by the kernel's account.
        started_at: Timestamp,
        /// Where its output goes.
        log: LogPlace,
    },
    /// Whoever supervises it leaves, and it is to live on.
    Left,
    /// Its program could not be executed.
    SpawnFailed {
        /// 127 when there is no such program, 126 when it cannot be executed.
        exit_code: i32,
        /// Why, for people.
        reason: String,
    },
    /// It ended.
    Exited(Exit),
    /// It is gone and nobody could learn how it ended. It need not be known to have started: who
    /// was to start it may have vanished before that was written down.
    Lost,
    /// Its time is up.
    TimedOut,
    /// Somebody wants it stopped.
    StopRequested {
        /// Who wants it, and with which signal.
        request: StopRequest,
        /// How long to wait for its end before SIGKILL; none to leave it at the one signal.
        grace: Option<TimeDelta>,
    },
    /// It had its time to end after the first signal.
    GraceOver,
    /// Somebody wants it taken back before it starts.
    Cancelled,
}

impl Event {
    /// What happened in a word, for logs: what the process was given or wrote is not in it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Launch => "launch",
            Self::Spawned { .. } => "spawned",
            Self::Left => "left",
            Self::SpawnFailed { .. } => "spawn_failed",
            Self::Exited(_) => "exited",
            Self::Lost => "lost",
            Self::TimedOut => "timed_out",
            Self::StopRequested { .. } => "stop_requested",
            Self::GraceOver => "grace_over",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a process ended, and what it left.
#[derive(Debug, Clone, PartialEq)]
pub struct Exit {
    /// When, as near as whoever saw it can say.
    pub at: Timestamp,
    /// What the kernel says of its end.
    pub termination: Termination,
    /// What it used; none when its parent learnt that, and we are not its parent.
    pub usage: Option<ResourceUsage>,
    /// What it wrote.
    pub output: Output,
    /// The stop that whoever supervised it had made, if any; one that the row has goes before.
    pub stopped: Option<StopRequest>,
}

/// A bounded part of what a process wrote, and how much it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// A part of its output.
    pub stdout: String,
    /// A part of its error output.
    pub stderr: String,
    /// All of its output in bytes; none when nothing is kept.
    pub stdout_bytes: Option<u64>,
    /// All of its error output in bytes; none when nothing is kept.
    pub stderr_bytes: Option<u64>,
    /// How many of the first bytes of its output are no longer in the log; none when all are.
    pub stdout_dropped: Option<u64>,
    /// How many of the first bytes of its error output are no longer in the log.
    pub stderr_dropped: Option<u64>,
}

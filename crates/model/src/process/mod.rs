//! Process: one execution of one command.

mod again;
mod ancestry;
mod change;
mod command;
mod draft;
mod launch;
mod lease;
mod status;

pub use ancestry::ancestors;
pub use change::{Attempt, Ended, ProcessChange, Requeued, Started};
pub use command::{CommandLine, InvalidCommand};
pub use draft::{DraftError, ProcessDraft};
pub use launch::{
    DEFAULT_MAX_LOG_BYTES, InvalidLaunch, LaunchAttributes, ResourceLimit, parse_umask,
};
pub use lease::{Lease, timeout};
pub use status::{KillMode, Outcome, ProcessStatus, ProcessType};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limit::Limit;
use crate::{
    BinaryId, InterfaceId, LogPlace, MachineId, OwnerId, Pid, ProcessId, ProcessIdentity,
    ResourceUsage, SecretBatchId, Timestamp,
};

/// The `timeout` column's way of saying that there is none.
pub const NO_TIMEOUT: i64 = 2_147_483_647;

/// The timeout of rows that say nothing, and of the library's builder, in seconds.
pub const DEFAULT_TIMEOUT: i64 = 120;

/// One execution of one command: what to run, and what happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// Its id in the ledger.
    pub id: ProcessId,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row was last written.
    pub modified_at: Timestamp,
    /// The host it runs on.
    pub machine_id: MachineId,
    /// The recorded process that started it.
    pub parent_id: Option<ProcessId>,
    /// What kind of process it is.
    pub process_type: ProcessType,
    /// For workers: which kind of worker.
    pub worker_type: String,

    /// Its working directory.
    pub pwd: String,
    /// Its working directory exactly, when `pwd` cannot say it.
    pub raw_pwd: Option<Vec<u8>>,
    /// Program and arguments, with U+FFFD for what is not UTF-8.
    pub cmd: Vec<String>,
    /// Program and arguments exactly, when `cmd` cannot say them.
    pub raw_cmd: Option<Vec<Vec<u8>>>,
    /// Variables the caller gave, added to the environment of the launcher.
    pub env: Map<String, Value>,
    /// Keys of `env` whose values are secret and not in the row.
    pub secret_env: Vec<String>,
    /// The file in the data directory that keeps those values until the process has ended; none
    /// when it has no secrets, or they were handed to its supervisor alone.
    pub secret_batch: Option<SecretBatchId>,
    /// Seconds it may run, [`NO_TIMEOUT`] for as long as it likes; mirrors `timeout_ms`.
    pub timeout: i64,
    /// Milliseconds it may run; none for as long as it likes.
    pub timeout_ms: Option<u64>,
    /// How it is set up beyond command, directory and environment.
    pub launch: LaunchAttributes,

    /// Its pid, once it was started.
    pub pid: Option<Pid>,
    /// Its exact identity, once it was started by us.
    pub identity: Option<ProcessIdentity>,
    /// Its own exit code, or 128 + the signal that ended it.
    pub exit_code: Option<i32>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// A bounded part of its output; the whole is in the log.
    pub stdout: String,
    /// A bounded part of its error output, or why it could not be started.
    pub stderr: String,
    /// All it wrote to its output, in bytes.
    pub stdout_bytes: Option<u64>,
    /// All it wrote to its error output, in bytes.
    pub stderr_bytes: Option<u64>,
    /// How many of the first bytes of its output are no longer in the log, which has a bound;
    /// none when all are.
    pub stdout_dropped: Option<u64>,
    /// How many of the first bytes of its error output are no longer in the log.
    pub stderr_dropped: Option<u64>,
    /// Where its output goes.
    pub log: Option<LogPlace>,
    /// When it started, by the kernel's account.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it used of the machine.
    pub usage: Option<ResourceUsage>,

    /// The recorded program it runs.
    pub binary_id: Option<BinaryId>,
    /// The network it ran on.
    pub interface_id: Option<InterfaceId>,
    /// A connection endpoint.
    pub url: Option<String>,
    /// A name somebody gave it.
    pub name: Option<String>,

    /// Where it is in its life.
    pub status: ProcessStatus,
    /// When it is due, or the end of the lease of its owner.
    pub retry_at: Option<Timestamp>,
    /// Who supervises it.
    pub owner: Option<OwnerId>,
    /// A stop that was asked for.
    pub stop: Option<StopRequest>,
    /// Which part of what it started is ended with it.
    pub kill_mode: KillMode,
    /// Whether it may outlive whoever started it.
    pub detached: bool,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How many attempts it has.
    pub max_attempts: u32,
    /// Whether an attempt that could not be started, or whose end nobody learnt, is tried again
    /// as one that failed.
    pub retry_lost: bool,
    /// The ended process that this one does again; its record may be gone by now.
    pub restart_of: Option<ProcessId>,
}

/// A stop that was asked for; stored before any signal is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// When.
    pub at: Timestamp,
    /// Who asked, in words, such as `pid 4711 (hostledger kill)`.
    pub by: String,
    /// The first signal to be sent, by number.
    pub signal: i32,
}

impl StopRequest {
    const BY_TIMEOUT: &str = "timeout";

    /// The stop of a process whose time is up.
    #[must_use]
    pub fn timeout(at: Timestamp, signal: i32) -> Self {
        Self {
            at,
            by: Self::BY_TIMEOUT.to_owned(),
            signal,
        }
    }

    /// Whether its time was up, rather than somebody having asked.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.by == Self::BY_TIMEOUT
    }
}

impl Process {
    /// Its program and arguments, exact to the byte.
    #[must_use]
    pub fn command(&self) -> Vec<Vec<u8>> {
        self.raw_cmd.clone().unwrap_or_else(|| {
            self.cmd
                .iter()
                .map(|part| part.clone().into_bytes())
                .collect()
        })
    }

    /// Its working directory, exact to the byte.
    #[must_use]
    pub fn working_directory(&self) -> &[u8] {
        self.raw_pwd.as_deref().unwrap_or(self.pwd.as_bytes())
    }

    /// How long it ran, or has been running at `now`, in microseconds.
    #[must_use]
    pub fn wall_us(&self, now: Timestamp) -> Option<u64> {
        let span = self.ended_at.unwrap_or(now).since(self.started_at?);
        span.num_microseconds()
            .and_then(|micros| u64::try_from(micros).ok())
    }
}

/// The `timeout` column for a timeout in milliseconds: rounded up, [`NO_TIMEOUT`] for none.
#[must_use]
pub fn timeout_seconds(timeout_ms: Option<u64>) -> i64 {
    timeout_ms.map_or(NO_TIMEOUT, |ms| {
        i64::try_from(ms.div_ceil(1000))
            .unwrap_or(NO_TIMEOUT)
            .min(NO_TIMEOUT)
    })
}

/// How many characters each field holds.
pub mod limits {
    use super::Limit;

    /// [`pwd`](super::Process::pwd).
    pub const PWD: Limit = Limit::new("pwd", 512);
    /// [`url`](super::Process::url).
    pub const URL: Limit = Limit::new("url", 2048);
    /// [`worker_type`](super::Process::worker_type).
    pub const WORKER_TYPE: Limit = Limit::new("worker_type", 32);
    /// [`name`](super::Process::name).
    pub const NAME: Limit = Limit::new("name", 255);
}

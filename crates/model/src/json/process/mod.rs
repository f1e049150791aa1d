//! The JSON of a process.

mod attempt;
mod draft;
mod environment;
mod history;
mod limit;

pub use attempt::AttemptRecord;
pub use draft::ProcessDefaults;
pub use limit::RunLimit;

use serde::{Deserialize, Serialize};

pub(super) use self::environment::GivenEnvironment;
use super::{RecordType, compact, field, own_version};
use crate::{
    BinaryId, BootId, InterfaceId, KillMode, LaunchAttributes, LogPlace, MachineId, NO_TIMEOUT,
    Outcome, Pid, PidNamespace, Process, ProcessId, ProcessStatus, ProcessType, SecretBatchId,
    StartTicks, StopRequest, Timestamp,
};

/// A process as JSON, its fields in the order in which they are written.
///
/// Exit code and times are always written, null while they are not known; all else only when
/// there is something to say. Variables of the environment are never written, only read.
///
/// Another's record is looked up by its [`id`](Self::id). When that is none or not known, the
/// record asks for a new process: [`into_draft`](Self::into_draft).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessRecord {
    /// Always [`RecordType::Process`].
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// The version of whoever wrote it.
    #[serde(default, deserialize_with = "field::schema_version")]
    pub schema_version: Option<String>,
    /// Its id in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ProcessId>,
    /// The host it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<MachineId>,
    /// Program and arguments, with U+FFFD for what is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Its working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pwd: Option<String>,
    /// Where it is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ProcessStatus>,
    /// Its own exit code, or 128 + the signal that ended it.
    pub exit_code: Option<i32>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The recorded program it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_id: Option<BinaryId>,
    /// Its pid, once it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
    /// Seconds it may run, rounded up; none for as long as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,

    /// A name somebody gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What kind of process it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_type: Option<ProcessType>,
    /// For workers: which kind of worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_type: Option<String>,
    /// The recorded process that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<ProcessId>,
    /// The network it ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iface_id: Option<InterfaceId>,
    /// A connection endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Which attempt this is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// How many attempts it has, when more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// True when an attempt that could not be started, or whose end nobody learnt, is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_lost: Option<bool>,
    /// The process that it does again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_of: Option<ProcessId>,
    /// Milliseconds it may run, or that it may run as long as it likes.
    #[serde(default, skip_serializing_if = "RunLimit::is_unsaid")]
    pub timeout_ms: RunLimit,
    /// When it is due, while it is queued and nobody has taken it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Which part of what it started is ended with it, when not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill_mode: Option<KillMode>,
    /// True when it may outlive whoever started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detached: Option<bool>,
    /// A stop that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopRequest>,
    /// How it is set up, when not just as its launcher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch: Option<LaunchAttributes>,
    /// Which file of the data directory keeps its secrets; it has none of their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_batch: Option<SecretBatchId>,

    /// CPU time in user mode, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_user_us: Option<u64>,
    /// CPU time in kernel mode, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_system_us: Option<u64>,
    /// Largest resident set, in KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rss_kib: Option<u64>,
    /// Reads from a device, in blocks of 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_inputs: Option<u64>,
    /// Writes to a device, in blocks of 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_outputs: Option<u64>,
    /// Context switches it asked for by waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voluntary_switches: Option<u64>,
    /// Context switches forced on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub involuntary_switches: Option<u64>,

    /// The boot it ran in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<BootId>,
    /// The namespace of its pid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_namespace: Option<PidNamespace>,
    /// When it started, in clock ticks since boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ticks: Option<StartTicks>,
    /// Inode of its pidfd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pidfd_inode: Option<u64>,

    /// All it wrote to its output, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_bytes: Option<u64>,
    /// All it wrote to its error output, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_bytes: Option<u64>,
    /// How many of the first bytes of its output are no longer in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_dropped: Option<u64>,
    /// How many of the first bytes of its error output are no longer in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_dropped: Option<u64>,
    /// `terminal` when its output went there and nothing was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// `terminal` when its error output went there and nothing was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    /// Where its logs are, as [`LogPlace::to_text`] has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,

    /// Variables to add to the launcher's environment; read, never written.
    #[serde(default, skip_serializing)]
    env: GivenEnvironment,
}

impl From<&Process> for ProcessRecord {
    fn from(process: &Process) -> Self {
        let usage = process.usage.as_ref();
        let identity = process.identity.as_ref();
        let (terminal, log) = match &process.log {
            Some(place @ LogPlace::Terminal) => (Some(place.to_text()), None),
            Some(place) => (None, Some(place.to_text())),
            None => (None, None),
        };
        Self {
            record_type: RecordType::Process,
            schema_version: own_version(),
            id: Some(process.id),
            machine_id: Some(process.machine_id),
            cmd: Some(process.cmd.clone()),
            pwd: Some(process.pwd.clone()),
            status: Some(process.status),
            exit_code: process.exit_code,
            started_at: process.started_at,
            ended_at: process.ended_at,
            binary_id: process.binary_id,
            pid: process.pid,
            timeout: Some(process.timeout).filter(|seconds| *seconds < NO_TIMEOUT),
            name: process.name.clone(),
            process_type: Some(process.process_type),
            worker_type: Some(process.worker_type.clone()).filter(|text| !text.is_empty()),
            parent_id: process.parent_id,
            iface_id: process.interface_id,
            url: process.url.clone(),
            outcome: process.outcome,
            attempt: Some(process.attempt),
            max_attempts: Some(process.max_attempts).filter(|attempts| *attempts > 1),
            retry_lost: process.retry_lost.then_some(true),
            restart_of: process.restart_of,
            timeout_ms: run_limit(process),
            retry_at: process
                .retry_at
                .filter(|_| process.status == ProcessStatus::Queued && process.owner.is_none()),
            kill_mode: Some(process.kill_mode).filter(|mode| *mode != KillMode::Tree),
            detached: process.detached.then_some(true),
            stop: process.stop.clone(),
            launch: Some(process.launch.clone())
                .filter(|launch| *launch != LaunchAttributes::default()),
            secret_batch: process.secret_batch,
            cpu_user_us: usage.map(|usage| usage.cpu_user_us),
            cpu_system_us: usage.map(|usage| usage.cpu_system_us),
            max_rss_kib: usage.map(|usage| usage.max_rss_kib),
            block_inputs: usage.map(|usage| usage.block_inputs),
            block_outputs: usage.map(|usage| usage.block_outputs),
            voluntary_switches: usage.map(|usage| usage.voluntary_switches),
            involuntary_switches: usage.map(|usage| usage.involuntary_switches),
            boot_id: identity.map(|identity| identity.boot_id.clone()),
            pid_namespace: identity.map(|identity| identity.pid_namespace),
            start_ticks: identity.map(|identity| identity.start_ticks),
            pidfd_inode: identity.and_then(|identity| identity.pidfd_inode),
            stdout_bytes: process.stdout_bytes,
            stderr_bytes: process.stderr_bytes,
            stdout_dropped: process.stdout_dropped,
            stderr_dropped: process.stderr_dropped,
            stdout: terminal.clone(),
            stderr: terminal,
            log,
            env: GivenEnvironment::default(),
        }
    }
}

/// Rows of others have seconds alone.
fn run_limit(process: &Process) -> RunLimit {
    match process.timeout_ms {
        Some(ms) => RunLimit::Milliseconds(ms),
        None if process.timeout >= NO_TIMEOUT => RunLimit::None,
        None => RunLimit::Unsaid,
    }
}

impl Process {
    /// The process as one line of JSON, without its end and without its environment; see
    /// [`ProcessRecord`].
    #[must_use]
    pub fn to_json(&self) -> String {
        compact(&ProcessRecord::from(self))
    }
}

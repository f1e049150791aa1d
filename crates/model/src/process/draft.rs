//! What a caller asks to be run, before it is a row.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::{
    CommandLine, InvalidLaunch, KillMode, LaunchAttributes, Process, ProcessStatus, ProcessType,
    limits, timeout_seconds,
};
use crate::environment::{self, InvalidVariable, SecretWords};
use crate::limit::{Limit, LimitExceeded};
use crate::{BinaryId, InterfaceId, MachineId, ProcessId, Timestamp};

/// A process to be made: what a caller gives, unchecked.
///
/// Its debug output names the variables of `env` and shows no value: some are secret.
#[derive(Clone)]
pub struct ProcessDraft {
    /// The host it is to run on.
    pub machine_id: MachineId,
    /// Program and arguments.
    pub command: CommandLine,
    /// Its working directory.
    pub pwd: Vec<u8>,
    /// Variables to add to the launcher's environment.
    pub env: Map<String, Value>,
    /// Which of them are secret, whatever they are called.
    pub secret_keys: BTreeSet<String>,
    /// Milliseconds it may run; none for as long as it likes.
    pub timeout_ms: Option<u64>,
    /// A name for people.
    pub name: Option<String>,
    /// The recorded process that asks.
    pub parent_id: Option<ProcessId>,
    /// What kind of process it is.
    pub process_type: ProcessType,
    /// For workers: which kind.
    pub worker_type: String,
    /// The recorded program it runs.
    pub binary_id: Option<BinaryId>,
    /// The network it runs on.
    pub interface_id: Option<InterfaceId>,
    /// A connection endpoint.
    pub url: Option<String>,
    /// How it is set up.
    pub launch: LaunchAttributes,
    /// Which part of what it starts is ended with it.
    pub kill_mode: KillMode,
    /// Whether it may outlive whoever starts it.
    pub detached: bool,
    /// How many attempts it has, at least 1.
    pub max_attempts: u32,
    /// Whether an attempt that could not be started, or whose end nobody learnt, is tried again
    /// as one that failed.
    pub retry_lost: bool,
    /// The ended process that it does again.
    pub restart_of: Option<ProcessId>,
    /// When it is due; at once without, or when that is past.
    pub due_at: Option<Timestamp>,
}

/// Why a draft was refused; nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A text is longer than its field.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A variable cannot be given to a program.
    #[error(transparent)]
    Variable(#[from] InvalidVariable),
    /// The working directory is empty or holds a NUL byte.
    #[error("the working directory {path:?} is empty or holds a NUL byte")]
    WorkingDirectory {
        /// The directory, as text.
        path: String,
    },
    /// A text holds a NUL character, which not every database keeps.
    #[error("{field} holds a NUL character: leave it out")]
    NulCharacter {
        /// Which field.
        field: &'static str,
    },
    /// It cannot be set up like this.
    #[error(transparent)]
    Launch(#[from] InvalidLaunch),
    /// A process needs some time to run.
    #[error("a timeout of 0 leaves no time to run: give more, or none to run as long as it takes")]
    NoTime,
    /// A process needs at least one attempt.
    #[error("max_attempts is 0: at least one attempt is needed to run at all")]
    NoAttempts,
}

impl fmt::Debug for ProcessDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let env: Vec<_> = self.env.keys().collect();
        f.debug_struct("ProcessDraft")
            .field("machine_id", &self.machine_id)
            .field("command", &self.command)
            .field("pwd", &String::from_utf8_lossy(&self.pwd))
            .field("env", &env)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ProcessDraft {
    /// A draft with nothing but the necessary: no timeout, one attempt.
    #[must_use]
    pub fn new(machine_id: MachineId, command: CommandLine, pwd: Vec<u8>) -> Self {
        Self {
            machine_id,
            command,
            pwd,
            env: Map::new(),
            secret_keys: BTreeSet::new(),
            timeout_ms: None,
            name: None,
            parent_id: None,
            process_type: ProcessType::Cli,
            worker_type: String::new(),
            binary_id: None,
            interface_id: None,
            url: None,
            launch: LaunchAttributes::default(),
            kill_mode: KillMode::Tree,
            detached: false,
            max_attempts: 1,
            retry_lost: false,
            restart_of: None,
            due_at: None,
        }
    }

    /// Checks everything and makes a row, queued at `now`, and the secret part of its
    /// environment, which is not in the row.
    ///
    /// Whoever keeps that part in a file of the data directory names it in
    /// [`Process::secret_batch`].
    ///
    /// # Errors
    /// [`DraftError`] names what does not fit.
    pub fn into_process(
        self,
        words: &SecretWords,
        now: Timestamp,
    ) -> Result<(Process, Map<String, Value>), DraftError> {
        let pwd = String::from_utf8_lossy(&self.pwd).into_owned();
        if self.pwd.is_empty() || self.pwd.contains(&0) {
            return Err(DraftError::WorkingDirectory { path: pwd });
        }
        if self.max_attempts == 0 {
            return Err(DraftError::NoAttempts);
        }
        if self.timeout_ms == Some(0) {
            return Err(DraftError::NoTime);
        }
        limits::PWD.check(&pwd)?;
        check(limits::WORKER_TYPE, &self.worker_type)?;
        check(limits::URL, self.url.as_deref().unwrap_or_default())?;
        check(limits::NAME, self.name.as_deref().unwrap_or_default())?;
        environment::check(&self.env)?;
        self.launch.check()?;

        let mut env = self.env;
        let secrets = words.take_from(&mut env, &self.secret_keys);
        let process = Process {
            id: ProcessId::generate(),
            created_at: now,
            modified_at: now,
            machine_id: self.machine_id,
            parent_id: self.parent_id,
            process_type: self.process_type,
            worker_type: self.worker_type,
            raw_pwd: std::str::from_utf8(&self.pwd).is_err().then_some(self.pwd),
            pwd,
            cmd: self.command.to_text(),
            raw_cmd: self.command.not_utf8(),
            env,
            secret_env: secrets.keys().cloned().collect(),
            secret_batch: None,
            timeout: timeout_seconds(self.timeout_ms),
            timeout_ms: self.timeout_ms,
            launch: self.launch,
            pid: None,
            identity: None,
            exit_code: None,
            outcome: None,
            stdout: String::new(),
            stderr: String::new(),
            stdout_bytes: None,
            stderr_bytes: None,
            stdout_dropped: None,
            stderr_dropped: None,
            log: None,
            started_at: None,
            ended_at: None,
            usage: None,
            binary_id: self.binary_id,
            interface_id: self.interface_id,
            url: self.url,
            name: self.name,
            status: ProcessStatus::Queued,
            retry_at: Some(self.due_at.map_or(now, |due| due.max(now))),
            owner: None,
            stop: None,
            kill_mode: self.kill_mode,
            detached: self.detached,
            attempt: 1,
            max_attempts: self.max_attempts,
            retry_lost: self.retry_lost,
            restart_of: self.restart_of,
        };
        Ok((process, secrets))
    }
}

fn check(limit: Limit, text: &str) -> Result<(), DraftError> {
    if text.contains('\0') {
        return Err(DraftError::NulCharacter { field: limit.field });
    }
    Ok(limit.check(text)?)
}

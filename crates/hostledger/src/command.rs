//! A command to be run, as a caller puts it together.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostledger_install::search_path;
use hostledger_model::{
    BinaryId, CommandLine, InterfaceId, KillMode, MachineId, Process, ProcessDraft, ProcessId,
    ProcessType, ResourceLimit, Timestamp,
};
use serde_json::Value;

use crate::stdio::{Input, Output, Stdio};
use crate::{Ledger, LedgerError, Running};

/// A command to be run and how; made by [`Ledger::command`].
///
/// What is not said is as the launcher has it at that moment: working directory, environment,
/// umask, nice value, resource limits. The program reads nothing, its output is logged, and it is
/// stopped when it runs longer than 120 seconds.
#[must_use = "nothing runs before launch or create is called"]
pub struct CommandBuilder {
    ledger: Ledger,
    command: Vec<OsString>,
    working_directory: Option<PathBuf>,
    edits: Vec<Edit>,
    stdio: Stdio,
}

/// Sets a field of the draft, once there is one.
type Edit = Box<dyn FnOnce(&mut ProcessDraft) + Send>;

impl Ledger {
    /// A command to be run: a program, looked for on `PATH` when its name has no slash. No shell
    /// is involved.
    pub fn command(&self, program: impl Into<OsString>) -> CommandBuilder {
        CommandBuilder {
            ledger: self.clone(),
            command: vec![program.into()],
            working_directory: None,
            edits: Vec::new(),
            stdio: Stdio::default(),
        }
    }
}

impl CommandBuilder {
    /// Adds an argument; any bytes but NUL.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs it in another directory; a relative program is looked for from there.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.working_directory = Some(directory.into());
        self
    }

    /// Gives it a variable, in addition to the launcher's. Text as it is, booleans as `True` and
    /// `False`, lists and objects as JSON, null not at all.
    pub fn env(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let (key, value) = (key.into(), value.into());
        self.with(|draft| drop(draft.env.insert(key, value)))
    }

    /// The same for one that is secret whatever it is called: its value is in no row.
    pub fn secret_env(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let (key, value) = (key.into(), value.into());
        self.with(|draft| {
            draft.secret_keys.insert(key.clone());
            draft.env.insert(key, value);
        })
    }

    /// Starts from an empty environment instead of the launcher's.
    pub fn env_clear(self) -> Self {
        self.with(|draft| draft.launch.clear_env = true)
    }

    /// Has it stopped when it runs longer than this, instead of 120 seconds.
    pub fn timeout(self, timeout: Duration) -> Self {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.with(move |draft| draft.timeout_ms = Some(millis))
    }

    /// Lets it run for as long as it likes.
    pub fn no_timeout(self) -> Self {
        self.with(|draft| draft.timeout_ms = None)
    }

    /// Gives it a name for people.
    pub fn name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.with(|draft| draft.name = Some(name))
    }

    /// Says which recorded process starts it; this program or the nearest recorded one above it
    /// unless you say so.
    pub fn parent(self, parent: ProcessId) -> Self {
        self.with(move |draft| draft.parent_id = Some(parent))
    }

    /// Says what kind of process it is; `cli` unless you say so.
    pub fn process_type(self, process_type: ProcessType) -> Self {
        self.with(move |draft| draft.process_type = process_type)
    }

    /// Says which kind of worker it is.
    pub fn worker_type(self, worker_type: impl Into<String>) -> Self {
        let worker_type = worker_type.into();
        self.with(|draft| draft.worker_type = worker_type)
    }

    /// Says which recorded program it runs.
    pub fn binary(self, binary: BinaryId) -> Self {
        self.with(move |draft| draft.binary_id = Some(binary))
    }

    /// Gives a connection endpoint.
    pub fn url(self, url: impl Into<String>) -> Self {
        let url = url.into();
        self.with(|draft| draft.url = Some(url))
    }

    /// Sets its nice value, -20 to 19.
    pub fn nice(self, nice: i32) -> Self {
        self.with(move |draft| draft.launch.nice = Some(nice))
    }

    /// Sets its file mode creation mask, 0 to 0o777.
    pub fn umask(self, umask: u32) -> Self {
        self.with(move |draft| draft.launch.umask = Some(umask))
    }

    /// Sets one of its resource limits.
    pub fn limit(self, limit: ResourceLimit) -> Self {
        self.with(|draft| draft.launch.rlimits.push(limit))
    }

    /// Bounds the log of each of its streams: the oldest part goes when it is larger. 1 GiB
    /// unless you say so; 0 lets it grow.
    pub fn max_log_bytes(self, bytes: u64) -> Self {
        self.with(move |draft| draft.launch.max_log_bytes = Some(bytes))
    }

    /// Keeps its logs in its working directory, with its pid file and a script that runs it
    /// again, instead of in the ledger's directory.
    pub fn log_in_working_directory(self) -> Self {
        self.with(|draft| draft.launch.log_in_pwd = true)
    }

    /// Keeps its logs in this directory below the ledger's, which is there already.
    pub(crate) fn log_directory(self, below: impl Into<String>) -> Self {
        let directory = below.into();
        self.with(|draft| draft.launch.log_directory = Some(directory))
    }

    /// Says which part of what it starts is ended with it; its whole tree unless you say so.
    pub fn kill_mode(self, kill_mode: KillMode) -> Self {
        self.with(move |draft| draft.kill_mode = kill_mode)
    }

    /// Says that it may outlive whoever started it: it is no orphan then.
    pub fn detached(self) -> Self {
        self.with(|draft| draft.detached = true)
    }

    /// Lets it read what we would read; it reads nothing unless you say so.
    pub fn inherit_stdin(mut self) -> Self {
        self.stdio.input = Input::Ours;
        self
    }

    /// Lets it read what you write into [`Running::take_stdin`].
    pub fn pipe_stdin(mut self) -> Self {
        self.stdio.input = Input::Piped;
        self
    }

    /// Lets you read its output from [`Running::take_stdout`] and [`Running::take_stderr`];
    /// nothing of it is kept then. It waits when its pipes are full and you do not read.
    pub fn pipe_output(mut self) -> Self {
        self.stdio.output = Output::Piped;
        self
    }

    /// Gives it our terminal: it runs in our session, reads and writes there, and nothing of its
    /// output is kept.
    pub fn terminal(mut self) -> Self {
        self.stdio.output = Output::Terminal;
        self.stdio.input = Input::Ours;
        self
    }

    /// Gives it a terminal of its own, which [`Running::relay_terminal`] passes on to ours; its
    /// output is kept as one stream.
    pub fn recorded_terminal(mut self) -> Self {
        self.stdio.output = Output::Recorded;
        self
    }

    /// Has it run up to this often until it succeeds, instead of once. A failure is tried again
    /// after a random while: of at most 1 s at first, then 2 s, 4 s and so on up to 5 min.
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.with(move |draft| draft.max_attempts = attempts)
    }

    /// Counts as a failure, to be tried again, also that it could not be started, or that nobody
    /// learnt how it ended.
    pub fn retry_lost(self) -> Self {
        self.with(|draft| draft.retry_lost = true)
    }

    /// Says when it is due once it is queued; at once unless you say so, or when that is past.
    pub fn due_at(self, at: Timestamp) -> Self {
        self.with(move |draft| draft.due_at = Some(at))
    }

    /// Runs it now: returns when the program has been executed, or could not be.
    ///
    /// # Errors
    /// What was put together cannot be run, and nothing was recorded; or the ledger failed. A
    /// program that does not exist is no error here but a recorded end.
    pub fn launch(self) -> Result<Running, LedgerError> {
        let (ledger, stdio) = (self.ledger.clone(), self.stdio);
        let (process, secrets) = self.into_process()?;
        ledger.launch_new(process, &secrets, stdio, false)
    }

    /// Records it as queued, without running it. Values of secret variables wait in a file of the
    /// ledger's directory that only this user can read, until it has ended. For many at once see
    /// [`Ledger::submit`].
    ///
    /// # Errors
    /// What was put together cannot be run, or the ledger failed.
    pub fn create(self) -> Result<Process, LedgerError> {
        self.ledger.batch()?.submit_command(self)
    }

    fn with(mut self, edit: impl FnOnce(&mut ProcessDraft) + Send + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn stdio(&self) -> Stdio {
        self.stdio
    }

    pub(crate) fn into_process(
        self,
    ) -> Result<(Process, serde_json::Map<String, Value>), LedgerError> {
        let ledger = self.ledger.clone();
        let draft = self.into_draft(&Origin::of(&ledger)?)?;
        Ok(draft.into_process(&ledger.inner.secret_words, Timestamp::now())?)
    }

    /// What was put together, and where it comes from.
    pub(crate) fn into_draft(self, origin: &Origin) -> Result<ProcessDraft, LedgerError> {
        let parts = self.command.into_iter().map(OsString::into_vec).collect();
        let command = CommandLine::new(parts)?;
        let directory = origin.directory(self.working_directory)?;
        let pwd = directory.into_os_string().into_vec();
        let mut draft = ProcessDraft::new(origin.machine, command, pwd);
        draft.timeout_ms = Some(DEFAULT_TIMEOUT_MS);
        for edit in self.edits {
            edit(&mut draft);
        }
        origin.complete(&mut draft);
        Ok(draft)
    }
}

/// Where commands come from: what is the same for all that are given at a time.
pub(crate) struct Origin {
    pub(crate) machine: MachineId,
    pub(crate) interface: InterfaceId,
    /// The recorded process that gives them.
    pub(crate) starter: Option<ProcessId>,
}

impl Origin {
    pub(crate) fn of(ledger: &Ledger) -> Result<Self, LedgerError> {
        Ok(Self {
            machine: ledger.current_machine()?.id,
            interface: ledger.current_interface(false)?.id,
            starter: ledger.recorded_starter()?,
        })
    }

    /// A directory as it is given, from our own.
    #[expect(clippy::unused_self, reason = "our directory is a part of the origin")]
    pub(crate) fn directory(&self, given: Option<PathBuf>) -> Result<PathBuf, LedgerError> {
        let here = || env::current_dir().map_err(LedgerError::CurrentDirectory);
        Ok(match given {
            Some(directory) if directory.is_absolute() => directory,
            Some(directory) => here()?.join(directory),
            None => here()?,
        })
    }

    /// Adds what nobody has said.
    pub(crate) fn complete(&self, draft: &mut ProcessDraft) {
        draft.interface_id = Some(self.interface);
        draft.parent_id = draft.parent_id.or(self.starter);
    }
}

/// The launcher's environment, unless it is not wanted, and what the caller gave.
pub(crate) fn environment(
    process: &Process,
    secrets: &serde_json::Map<String, Value>,
    lib_bin: Option<&Path>,
) -> Vec<(OsString, OsString)> {
    let ours: Vec<_> = match process.launch.clear_env {
        true => Vec::new(),
        false => std::env::vars_os().collect(),
    };
    environment_from(&ours, process, secrets, lib_bin)
}

/// The same where our environment is known already.
pub(crate) fn environment_from(
    ours: &[(OsString, OsString)],
    process: &Process,
    secrets: &serde_json::Map<String, Value>,
    lib_bin: Option<&Path>,
) -> Vec<(OsString, OsString)> {
    let given = [&process.env, secrets].map(hostledger_model::environment_variables);
    let mut variables: Vec<(OsString, OsString)> = Vec::new();
    if !process.launch.clear_env {
        let is_given = |key: &OsStr| {
            key.to_str()
                .is_some_and(|key| given.iter().any(|map| map.contains_key(key)))
        };
        let kept = |(key, _): &&(OsString, OsString)| !is_given(key) && key != PROCESS_ID;
        variables.extend(ours.iter().filter(kept).cloned());
    }
    variables.extend(
        given
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.into(), value.into())),
    );
    variables.push((PROCESS_ID.into(), process.id.to_string().into()));
    if !process.launch.clear_env && !process.env.contains_key(PATH) {
        put_links_on_path(&mut variables, lib_bin);
    }
    variables
}

/// Installed programs are found before others. A `PATH` that the caller gives stays as it is.
fn put_links_on_path(variables: &mut [(OsString, OsString)], lib_bin: Option<&Path>) {
    let Some(at) = variables.iter().position(|(key, _)| key == PATH) else {
        return;
    };
    let all = variables.iter().map(|(key, value)| (&**key, &**value));
    let path = search_path(lib_bin, all, &variables[at].1);
    variables[at].1 = path;
}

const PATH: &str = "PATH";

/// A program that was forgotten does not run for ever.
const DEFAULT_TIMEOUT_MS: u64 = 120_000;

/// Tells which record a process belongs to: for people, and as a hint that is never relied on.
pub(crate) const PROCESS_ID: &str = "HOSTLEDGER_PROCESS";

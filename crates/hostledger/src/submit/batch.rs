//! Commands that are queued together.

use std::os::unix::ffi::OsStringExt as _;
use std::sync::Arc;

use hostledger_model::json::CommandRequest;
use hostledger_model::{Process, ProcessDraft, ProcessId, SecretBatchId, Timestamp};
use hostledger_store::Change;
use serde_json::{Map, Value};

use super::LineError;
use crate::command::Origin;
use crate::{CommandBuilder, Ledger, LedgerError};

/// Commands to be queued together: all of them or none, in one transaction. Made by
/// [`Ledger::batch`].
///
/// They are held in memory until they are queued, about 2 KiB each; what is large is better
/// queued in several batches, as [`Ledger::submit_lines`] does.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let ledger = hostledger::Ledger::open(directory.path().join("ledger"))?;
/// let mut batch = ledger.batch()?;
/// for number in 0..3 {
///     batch.add(ledger.command("echo").arg(number.to_string()).max_attempts(2))?;
/// }
/// batch.add_line(r#"{"cmd":["sleep","1"],"timeout":"5s"}"#)?;
/// let queued = batch.submit()?;
/// assert_eq!(queued.len(), 4);
/// assert_eq!(queued[1].cmd, ["echo", "1"]);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is queued before submit is called"]
pub struct Batch {
    ledger: Ledger,
    origin: Origin,
    processes: Vec<Process>,
    secrets: Vec<(ProcessId, Map<String, Value>)>,
    /// Names the file of their secrets, once there are any.
    secret_batch: Option<SecretBatchId>,
    /// When the latest one was made: they are due in their order, whatever the clock does.
    latest: Timestamp,
}

impl Ledger {
    /// Begins a batch of commands to be queued.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn batch(&self) -> Result<Batch, LedgerError> {
        Ok(Batch {
            origin: Origin::of(self)?,
            ledger: self.clone(),
            processes: Vec::new(),
            secrets: Vec::new(),
            secret_batch: None,
            latest: Timestamp::now(),
        })
    }

    /// Queues commands, all of them or none; what is recorded of each, in their order. They are
    /// due at once unless they say otherwise.
    ///
    /// # Errors
    /// A command cannot be run, or the ledger failed; nothing is queued then.
    pub fn submit(
        &self,
        commands: impl IntoIterator<Item = CommandBuilder>,
    ) -> Result<Arc<[Process]>, LedgerError> {
        let mut batch = self.batch()?;
        for command in commands {
            batch.add(command)?;
        }
        batch.submit()
    }
}

impl Batch {
    /// Adds a command; the id that it will have.
    ///
    /// # Errors
    /// It cannot be run. What was added before is still there.
    pub fn add(&mut self, command: CommandBuilder) -> Result<ProcessId, LedgerError> {
        let draft = command.into_draft(&self.origin)?;
        self.add_draft(draft)
    }

    /// Adds the command that a line of JSON asks for (see [`CommandRequest`]); none when the line
    /// is blank or a comment.
    ///
    /// # Errors
    /// The line asks for no command, or for one that cannot be run.
    pub fn add_line(&mut self, line: &str) -> Result<Option<ProcessId>, LineError> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let request = CommandRequest::from_json(line)?;
        let here = self.origin.directory(None)?.into_os_string().into_vec();
        let mut draft = request.into_draft(self.origin.machine, here)?;
        self.origin.complete(&mut draft);
        Ok(Some(self.add_draft(draft)?))
    }

    fn add_draft(&mut self, draft: ProcessDraft) -> Result<ProcessId, LedgerError> {
        let (mut process, secrets) = self.process_of(draft)?;
        self.keep(&mut process, secrets)?;
        let id = process.id;
        self.processes.push(process);
        Ok(id)
    }

    fn process_of(
        &mut self,
        draft: ProcessDraft,
    ) -> Result<(Process, Map<String, Value>), LedgerError> {
        self.latest = self.latest.max(Timestamp::now());
        let words = &self.ledger.inner.secret_words;
        Ok(draft.into_process(words, self.latest)?)
    }

    /// Has the secrets of a process kept with those of the others.
    fn keep(
        &mut self,
        process: &mut Process,
        secrets: Map<String, Value>,
    ) -> Result<(), LedgerError> {
        if !secrets.is_empty() {
            let batch = match self.secret_batch {
                Some(batch) => batch,
                None => *self.secret_batch.insert(self.ledger.new_secret_batch()?),
            };
            process.secret_batch = Some(batch);
            self.secrets.push((process.id, secrets));
        }
        Ok(())
    }

    /// Says of a process that was asked for before from where it is asked for now.
    pub(super) fn place(&self, process: &mut Process) {
        process.parent_id = self.origin.starter;
        if process.machine_id == self.origin.machine {
            process.interface_id = Some(self.origin.interface);
        }
    }

    /// How many commands were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.processes.len()
    }

    /// Whether none was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Queues a single command.
    pub(crate) fn submit_command(
        mut self,
        command: CommandBuilder,
    ) -> Result<Process, LedgerError> {
        let draft = command.into_draft(&self.origin)?;
        let (process, secrets) = self.process_of(draft)?;
        self.submit_process(process, secrets)
    }

    /// Queues a single process.
    pub(super) fn submit_process(
        mut self,
        mut process: Process,
        secrets: Map<String, Value>,
    ) -> Result<Process, LedgerError> {
        self.keep(&mut process, secrets)?;
        self.processes.push(process.clone());
        self.submit()?;
        Ok(process)
    }

    /// Queues what was added: durable when this returns.
    ///
    /// # Errors
    /// The ledger failed; nothing is queued then.
    pub fn submit(self) -> Result<Arc<[Process]>, LedgerError> {
        let Self {
            ledger,
            processes,
            secrets,
            secret_batch,
            latest,
            ..
        } = self;
        let processes: Arc<[Process]> = processes.into();
        if processes.is_empty() {
            return Ok(processes);
        }
        // First, so that no process is ever queued whose secrets are nowhere.
        if let Some(batch) = secret_batch {
            ledger.keep_secrets(batch, &secrets)?;
        }
        let insert = Change::InsertProcesses(Arc::clone(&processes));
        match ledger.store().submit(latest, vec![insert]).wait() {
            Ok(_) => Ok(processes),
            Err(error) => {
                if let Some(batch) = secret_batch {
                    ledger.forget_secrets(batch);
                }
                Err(error.into())
            }
        }
    }
}

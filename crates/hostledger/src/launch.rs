//! Starting a process of the ledger.

use std::ffi::OsString;
use std::io::pipe;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::Arc;

use hostledger_engine::port::{LaunchOrder, LogFilesPlace, OutputPlace, StdinSource};
use hostledger_engine::{BystanderError, lease_end, logs};
use hostledger_model::{LogPlace, Process, ProcessChange, ProcessId, ProcessStatus, Timestamp};
use hostledger_store::Change;
use serde_json::{Map, Value};

use crate::binary::BinaryCheck;
use crate::command::environment;
use crate::ledger::WithKeeper;
use crate::made_terminal::MadeTerminal;
use crate::stdio::{Ends, Input, Output, Stdio};
use crate::{Ledger, LedgerError, Running};

impl Ledger {
    /// Runs a queued process now: returns when its program has been executed, or could not be.
    ///
    /// However many try, it is launched once.
    ///
    /// # Errors
    /// It is not queued, somebody else has taken it on, or it cannot be run like this.
    pub fn launch(&self, id: ProcessId) -> Result<Running, LedgerError> {
        let mut process = self.process(id)?;
        let machine = process.machine_id;
        if machine != self.current_machine()?.id {
            return Err(BystanderError::Elsewhere { id, machine }.into());
        }
        if process.status != ProcessStatus::Queued {
            return Err(LedgerError::NotLaunchable { id });
        }
        let secrets = self.kept_secrets(&process)?;
        let said = process.binary_id;
        let prepared = self.prepare(&mut process, &secrets, Stdio::default())?;
        let supervision = self.supervision(prepared.needs_keeper())?;
        let now = Timestamp::now();
        let claim = ProcessChange::Claimed {
            owner: supervision.owner(),
            lease_until: lease_end(process.timeout_ms, now),
        };
        let uses = (process.binary_id != said).then_some(ProcessChange::Uses {
            binary: process.binary_id,
        });
        let changes = [Some(claim.clone()), uses].into_iter().flatten();
        let changes = changes.map(|change| Change::ChangeProcess {
            id,
            change,
            owner: None,
        });
        let commit = self.store().submit(now, changes.collect()).wait()?;
        if !commit.is_applied() {
            return Err(LedgerError::NotLaunchable { id });
        }
        claim.apply(&mut process, now);
        Ok(Running::start(self.clone(), supervision, process, prepared))
    }

    /// Records a new process as taken on by us, and runs it. With `keeps` it stays ours also when
    /// it has failed and is to be tried again.
    pub(crate) fn launch_new(
        &self,
        mut process: Process,
        secrets: &Map<String, Value>,
        stdio: Stdio,
        keeps: bool,
    ) -> Result<Running, LedgerError> {
        let mut prepared = self.prepare(&mut process, secrets, stdio)?;
        prepared.keeps = keeps;
        let supervision = self.supervision(prepared.needs_keeper())?;
        let now = process.created_at;
        process.owner = Some(supervision.owner());
        process.retry_at = Some(lease_end(process.timeout_ms, now));
        let insert = Change::InsertProcess(Box::new(process.clone()));
        self.store().submit(now, vec![insert]).wait()?;
        Ok(Running::start(self.clone(), supervision, process, prepared))
    }

    /// Runs a process again that has failed here and stayed ours since.
    pub(crate) fn launch_again(
        &self,
        mut process: Process,
        secrets: &Map<String, Value>,
        stdio: Stdio,
    ) -> Result<Running, LedgerError> {
        let mut prepared = self.prepare(&mut process, secrets, stdio)?;
        prepared.keeps = true;
        let supervision = self.supervision(prepared.needs_keeper())?;
        Ok(Running::start(self.clone(), supervision, process, prepared))
    }

    /// Everything that is needed to start it, checked as far as that is possible beforehand.
    fn prepare(
        &self,
        process: &mut Process,
        secrets: &Map<String, Value>,
        stdio: Stdio,
    ) -> Result<Prepared, LedgerError> {
        let lib_bin = Some(self.writable_data_dir()?.lib_bin()).filter(|it| it.is_dir());
        let environment = environment(process, secrets, lib_bin.as_deref());
        let check = self.check_used(process, &environment)?;
        let process = &*process;
        let (stdin, output, ends) = self.open_stdio(process, stdio)?;
        let order = LaunchOrder {
            command: process
                .command()
                .into_iter()
                .map(OsString::from_vec)
                .collect(),
            working_directory: OsString::from_vec(process.working_directory().to_vec()).into(),
            environment,
            attributes: process.launch.clone(),
            stdin,
            output,
        };
        order.check()?;
        Ok(Prepared {
            order,
            ends,
            check,
            keeps: false,
        })
    }

    fn open_stdio(
        &self,
        process: &Process,
        stdio: Stdio,
    ) -> Result<(StdinSource, OutputPlace, Ends), LedgerError> {
        let mut ends = Ends::default();
        let output = match stdio.output {
            Output::Logged => OutputPlace::Files(self.files_place(process)?),
            Output::Terminal => OutputPlace::Terminal,
            Output::Piped => {
                let (stdout, theirs_out) = pipe().map_err(LedgerError::Descriptors)?;
                let (stderr, theirs_err) = pipe().map_err(LedgerError::Descriptors)?;
                (ends.stdout, ends.stderr) = (Some(stdout), Some(stderr));
                OutputPlace::Given {
                    stdout: Arc::new(theirs_out.into()),
                    stderr: Arc::new(theirs_err.into()),
                }
            }
            Output::Recorded => {
                let place = self.merged_place(process)?;
                let (terminal, made) = MadeTerminal::open(&place)?;
                let written = made.written();
                ends.terminal = Some(made);
                OutputPlace::MadeTerminal {
                    terminal: Arc::new(terminal),
                    place,
                    written,
                }
            }
        };
        let stdin = match stdio.input {
            Input::Nothing => StdinSource::Null,
            Input::Ours => StdinSource::Inherit,
            Input::Piped => {
                let (theirs, stdin) = pipe().map_err(LedgerError::Descriptors)?;
                ends.stdin = Some(stdin);
                StdinSource::Given(Arc::new(theirs.into()))
            }
        };
        Ok((stdin, output, ends))
    }

    fn files_place(&self, process: &Process) -> Result<LogFilesPlace, LedgerError> {
        let recorded = logs::place(process);
        self.place_of(process, recorded)
    }

    fn merged_place(&self, process: &Process) -> Result<LogFilesPlace, LedgerError> {
        let recorded = logs::merged_place(process);
        self.place_of(process, recorded)
    }

    fn place_of(
        &self,
        process: &Process,
        recorded: LogPlace,
    ) -> Result<LogFilesPlace, LedgerError> {
        let id = process.id;
        let data_dir = self.writable_data_dir()?.path();
        let (directory, stem) =
            logs::files_of(data_dir, process, &recorded).ok_or(LedgerError::NoLog { id })?;
        Ok(LogFilesPlace {
            directory,
            stem,
            recorded,
        })
    }
}

/// A process that can be started, and our ends of what it reads and writes.
pub(crate) struct Prepared {
    pub(crate) order: LaunchOrder,
    pub(crate) ends: Ends,
    pub(crate) check: Option<BinaryCheck>,
    /// Whether we try it again ourselves when it has failed.
    pub(crate) keeps: bool,
}

impl Prepared {
    /// A program on our terminal is our own child.
    fn needs_keeper(&self) -> WithKeeper {
        match self.order.output {
            OutputPlace::Terminal => WithKeeper::WhenNeeded,
            _ => WithKeeper::Now,
        }
    }
}

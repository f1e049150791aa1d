//! Records of processes.

use std::os::unix::ffi::OsStringExt as _;

use hostledger_model::json::{ProcessDefaults, ProcessRecord, RecordType, Refusal};
use hostledger_model::{BinaryId, DEFAULT_TIMEOUT, InterfaceId, Process, ProcessStatus, Timestamp};
use hostledger_store::Change;

use super::{Import, Imported, refused};
use crate::LedgerError;

/// What stands for bytes that are no UTF-8.
const NOT_UTF8: char = '\u{fffd}';

impl Import {
    /// A process of which we know is left as it is. Of others, one that has ended is history, and
    /// one that waits is queued; one that runs is refused, as nobody here can learn how it ends.
    pub(super) fn take_process(&mut self, record: ProcessRecord) -> Result<Imported, LedgerError> {
        if let Some(id) = record.id
            && self.ledger.store().process(id)?.is_some()
        {
            return Ok(Imported::Unchanged(RecordType::Process));
        }
        match record.status {
            Some(ProcessStatus::Exited) => self.keep(record),
            Some(ProcessStatus::Running) => Ok(refused(&Refusal::NotEnded)),
            Some(ProcessStatus::Queued) | None => self.queue(record),
        }
    }

    /// As it is, but for what it belonged to, which may be nowhere in this ledger.
    fn keep(&mut self, record: ProcessRecord) -> Result<Imported, LedgerError> {
        let defaults = self.defaults()?;
        let here = defaults.machine_id;
        let mut process = match record.into_history(defaults, Timestamp::now()) {
            Ok(process) => process,
            Err(reason) => return Ok(refused(&reason)),
        };
        if self.ledger.store().machine(process.machine_id)?.is_none() {
            process.machine_id = here;
        }
        self.insert(process)
    }

    fn queue(&mut self, record: ProcessRecord) -> Result<Imported, LedgerError> {
        let id = record.id;
        let texts = [
            ("cmd", record.cmd.as_deref()),
            ("pwd", record.pwd.as_ref().map(std::slice::from_ref)),
        ];
        let changed = |texts: Option<&[String]>| {
            texts
                .unwrap_or_default()
                .iter()
                .any(|it| it.contains(NOT_UTF8))
        };
        if let Some((field, _)) = texts.into_iter().find(|(_, texts)| changed(*texts)) {
            return Ok(refused(&Refusal::NotExact { field }));
        }
        let defaults = self.defaults()?;
        let here = defaults.machine_id;
        let mut draft = match record.into_draft(defaults) {
            Ok(draft) => draft,
            Err(reason) => return Ok(refused(&reason)),
        };
        if self.ledger.store().machine(draft.machine_id)?.is_none() {
            draft.machine_id = here;
        }
        let words = &self.ledger.inner.secret_words;
        let (mut process, secrets) = match draft.into_process(words, Timestamp::now()) {
            Ok(made) => made,
            Err(reason) => return Ok(refused(&reason)),
        };
        // Read again, it is known.
        process.id = id.unwrap_or(process.id);
        if !secrets.is_empty() {
            if process.machine_id != here {
                return Ok(refused(&Refusal::SecretsElsewhere {
                    names: process.secret_env.join(", "),
                    machine: process.machine_id,
                }));
            }
            let batch = self.ledger.new_secret_batch()?;
            process.secret_batch = Some(batch);
            self.ledger.keep_secrets(batch, &[(process.id, secrets)])?;
        }
        self.insert(process)
    }

    fn insert(&mut self, mut process: Process) -> Result<Imported, LedgerError> {
        if let Some(parent) = process.parent_id {
            process.parent_id = self.ledger.store().process(parent)?.map(|it| it.id);
        }
        process.binary_id = self.binary(process.binary_id)?;
        process.interface_id = self.interface(process.interface_id)?;
        let now = process.modified_at;
        let insert = Change::InsertProcess(Box::new(process));
        self.ledger.store().submit(now, vec![insert]).wait()?;
        Ok(Imported::Created(RecordType::Process))
    }

    /// Our row of a binary that another ledger knows under this id.
    fn binary(&mut self, theirs: Option<BinaryId>) -> Result<Option<BinaryId>, LedgerError> {
        let Some(theirs) = theirs else {
            return Ok(None);
        };
        let Some(name) = self.binaries.get(&theirs) else {
            return Ok(self.ledger.store().binary(theirs)?.map(|it| it.id));
        };
        self.intake.finish()?;
        let machine = self.ledger.current_machine()?.id;
        let ours = self.ledger.store().binary_by_name(machine, name)?;
        Ok(ours.map(|it| it.id))
    }

    /// Our row of an interface that another ledger knows under this id.
    fn interface(&self, theirs: Option<InterfaceId>) -> Result<Option<InterfaceId>, LedgerError> {
        let Some(theirs) = theirs else {
            return Ok(None);
        };
        let id = self.interfaces.get(&theirs).copied().unwrap_or(theirs);
        Ok(self.ledger.store().interface(id)?.map(|it| it.id))
    }

    fn defaults(&self) -> Result<ProcessDefaults, LedgerError> {
        let here = std::env::current_dir().map_err(LedgerError::CurrentDirectory)?;
        Ok(ProcessDefaults {
            machine_id: self.ledger.current_machine()?.id,
            pwd: here.into_os_string().into_vec(),
            timeout_ms: u64::try_from(DEFAULT_TIMEOUT * 1000).ok(),
        })
    }
}

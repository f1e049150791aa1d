//! Lines of JSON that others have written, taken into the ledger.

use std::collections::BTreeSet;

use hostledger_model::json::{
    Line, ProcessDefaults, ProcessRecord, Record, RecordType, parse_line,
};
use hostledger_model::{DEFAULT_TIMEOUT, SecretBatchId, Timestamp, with_causes};
use hostledger_store::Change;

use crate::{Intake, Ledger, LedgerError, Taken};

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// A record was made of it.
    Created(RecordType),
    /// The record that it is about was changed.
    Updated(RecordType),
    /// It is known as it is, or there is nothing in it that is believed.
    Unchanged(RecordType),
    /// It is a record, and none that is taken in.
    Foreign,
    /// It is no record: blank, a comment, or no JSON object.
    NoRecord {
        /// Whether it was meant to be one.
        malformed: bool,
    },
    /// It is a record that makes no sense.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

/// Takes lines of JSON in, one after another; made by [`Ledger::import`].
#[must_use = "what was taken is written when finish is called"]
pub struct Import {
    ledger: Ledger,
    intake: Intake,
    names: BTreeSet<String>,
}

impl Ledger {
    /// Lines of JSON, to be taken in as records about this machine.
    ///
    /// # Errors
    /// The machine is not known, or the ledger is only read.
    pub fn import(&self) -> Result<Import, LedgerError> {
        Ok(Import {
            ledger: self.clone(),
            intake: self.intake()?,
            names: BTreeSet::new(),
        })
    }
}

impl Import {
    /// Takes a line in.
    ///
    /// # Errors
    /// The ledger cannot be read or written. A line that makes no sense is no error.
    pub fn take(&mut self, line: &str) -> Result<Imported, LedgerError> {
        match parse_line(line) {
            Line::Record(record) => self.take_record(record),
            Line::Refused { reason } => Ok(refused(&reason)),
            Line::Blank => Ok(Imported::NoRecord { malformed: false }),
            Line::NotAnObject(_) => Ok(Imported::NoRecord { malformed: true }),
            Line::Unknown { .. } => Ok(Imported::Foreign),
        }
    }

    /// Waits until all that was taken is written.
    ///
    /// # Errors
    /// Something was not.
    pub fn finish(&mut self) -> Result<(), LedgerError> {
        self.intake.finish()
    }

    fn take_record(&mut self, record: Record) -> Result<Imported, LedgerError> {
        let known = match &record {
            Record::Binary(input) => {
                let machine = self.ledger.current_machine()?.id;
                let store = self.ledger.store();
                !self.names.insert(input.name.clone())
                    || store.binary_by_name(machine, &input.name)?.is_some()
            }
            _ => true,
        };
        let kind = match &record {
            Record::Binary(_) => RecordType::Binary,
            _ => RecordType::Machine,
        };
        match self.intake.take(record)? {
            Taken::Written if known => Ok(Imported::Updated(kind)),
            Taken::Written => Ok(Imported::Created(kind)),
            Taken::Nothing => Ok(Imported::Unchanged(kind)),
            Taken::Other(record) => match *record {
                Record::Process(record) => self.take_process(*record),
                _ => Ok(Imported::Foreign),
            },
        }
    }

    /// A process of which we know is left as it is; of another what it is asked to do is queued.
    fn take_process(&mut self, record: ProcessRecord) -> Result<Imported, LedgerError> {
        let store = self.ledger.store();
        if let Some(id) = record.id
            && store.process(id)?.is_some()
        {
            return Ok(Imported::Unchanged(RecordType::Process));
        }
        let here = std::env::current_dir().map_err(LedgerError::CurrentDirectory)?;
        let defaults = ProcessDefaults {
            machine_id: self.ledger.current_machine()?.id,
            pwd: std::os::unix::ffi::OsStringExt::into_vec(here.into_os_string()),
            timeout_ms: u64::try_from(DEFAULT_TIMEOUT * 1000).ok(),
        };
        let mut draft = match record.into_draft(defaults) {
            Ok(draft) => draft,
            Err(reason) => return Ok(refused(&reason)),
        };
        // What it belonged to may be nowhere in this ledger.
        draft.machine_id = self.ledger.current_machine()?.id;
        if let Some(parent) = draft.parent_id {
            draft.parent_id = store.process(parent)?.map(|it| it.id);
        }
        if let Some(binary) = draft.binary_id {
            draft.binary_id = store.binary(binary)?.map(|it| it.id);
        }
        if let Some(interface) = draft.interface_id {
            draft.interface_id = store.interface(interface)?.map(|it| it.id);
        }
        let now = Timestamp::now();
        let words = &self.ledger.inner.secret_words;
        let (mut process, secrets) = match draft.into_process(words, now) {
            Ok(made) => made,
            Err(reason) => return Ok(refused(&reason)),
        };
        if !secrets.is_empty() {
            let batch = SecretBatchId::generate();
            process.secret_batch = Some(batch);
            self.ledger.keep_secrets(batch, &[(process.id, secrets)])?;
        }
        let insert = Change::InsertProcess(Box::new(process));
        store.submit(now, vec![insert]).wait()?;
        Ok(Imported::Created(RecordType::Process))
    }
}

fn refused(reason: &dyn std::error::Error) -> Imported {
    let reason = with_causes(reason);
    Imported::Refused { reason }
}

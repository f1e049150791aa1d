//! Lines of JSON that others have written, taken into the ledger.

mod interface;
mod process;

use std::collections::{BTreeSet, HashMap};

use hostledger_model::json::{Line, Record, RecordType, parse_line};
use hostledger_model::{BinaryId, InterfaceId, with_causes};

use crate::{Intake, Ledger, LedgerError, Taken};

/// The longest line that is read: none of ours comes near.
pub const LONGEST_RECORD: usize = 16 << 20;

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
    /// Under which ids we have what others know under theirs.
    interfaces: HashMap<InterfaceId, InterfaceId>,
    /// The names of binaries by the ids that others know them under.
    binaries: HashMap<BinaryId, String>,
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
            interfaces: HashMap::new(),
            binaries: HashMap::new(),
        })
    }
}

impl Import {
    /// Takes a line in, with or without its end.
    ///
    /// # Errors
    /// The ledger cannot be read or written. A line that makes no sense is no error.
    pub fn take(&mut self, line: impl AsRef<[u8]>) -> Result<Imported, LedgerError> {
        let Ok(line) = str::from_utf8(line.as_ref()) else {
            return Ok(Imported::NoRecord { malformed: true });
        };
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
        let (kind, known) = match &record {
            Record::Binary(input) => {
                let machine = self.ledger.current_machine()?.id;
                let store = self.ledger.store();
                if let Some(id) = input.id {
                    self.binaries.insert(id, input.name.clone());
                }
                let known = !self.names.insert(input.name.clone())
                    || store.binary_by_name(machine, &input.name)?.is_some();
                (RecordType::Binary, known)
            }
            _ => (RecordType::Machine, true),
        };
        match self.intake.take(record)? {
            Taken::Written if known => Ok(Imported::Updated(kind)),
            Taken::Written => Ok(Imported::Created(kind)),
            Taken::Nothing => Ok(Imported::Unchanged(kind)),
            Taken::Other(record) => match *record {
                Record::Process(record) => self.take_process(*record),
                Record::NetworkInterface(record) => self.take_interface(*record),
                Record::Machine { .. } | Record::Binary(_) => Ok(Imported::Foreign),
            },
        }
    }
}

fn refused(reason: &dyn std::error::Error) -> Imported {
    let reason = with_causes(reason);
    Imported::Refused { reason }
}

//! Taking records of others into the ledger.

mod binary;
mod machine;

use std::collections::BTreeSet;

use hostledger_model::json::Record;
use hostledger_model::{MachineId, Timestamp};
use hostledger_store::{Change, Commit, Ticket};

use crate::{Ledger, LedgerError};

/// So many submissions are on their way at once: enough to share commits, few enough to forget
/// the memory they take.
const MOST_PENDING: usize = 500;

/// What became of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken {
    /// It was written, or is on its way; see [`Intake::finish`].
    Written,
    /// There was nothing in it to be believed, or that is not so already: nothing was changed.
    Nothing,
    /// It is of a kind that is not taken in.
    Other(Box<Record>),
}

/// Takes records of binaries, requests and machines into the ledger, as being about this machine.
///
/// Many at once share commits: what was taken is written when [`finish`](Self::finish) returns.
#[must_use = "what was taken is written when finish is called"]
pub struct Intake {
    ledger: Ledger,
    machine: MachineId,
    pending: Vec<Ticket>,
    /// The binaries that are on their way: another record of one has to see it.
    names: BTreeSet<String>,
}

impl Ledger {
    /// Records of others, to be taken in.
    ///
    /// # Errors
    /// The machine is not known, or the ledger is only read.
    pub fn intake(&self) -> Result<Intake, LedgerError> {
        self.writable_data_dir()?;
        Ok(Intake {
            ledger: self.clone(),
            machine: self.current_machine()?.id,
            pending: Vec::new(),
            names: BTreeSet::new(),
        })
    }
}

impl Intake {
    /// Takes a record in.
    ///
    /// # Errors
    /// The ledger cannot be read, or something that was taken before was not written.
    pub fn take(&mut self, record: Record) -> Result<Taken, LedgerError> {
        match record {
            Record::Machine { config } => {
                let changed = self.ledger.merge_machine_config(&config)?;
                Ok(if changed {
                    Taken::Written
                } else {
                    Taken::Nothing
                })
            }
            Record::Binary(input) => {
                if self.names.contains(&input.name) || self.pending.len() >= MOST_PENDING {
                    self.finish()?;
                }
                let name = input.name.clone();
                let now = Timestamp::now();
                let changes = binary::changes(&self.ledger, self.machine, *input, now)?;
                if changes.is_empty() {
                    return Ok(Taken::Nothing);
                }
                self.submit(now, changes);
                self.names.insert(name);
                Ok(Taken::Written)
            }
            other @ (Record::Process(_) | Record::NetworkInterface(_)) => {
                Ok(Taken::Other(Box::new(other)))
            }
        }
    }

    /// Waits until all that was taken is written.
    ///
    /// # Errors
    /// Something was not.
    pub fn finish(&mut self) -> Result<(), LedgerError> {
        self.names.clear();
        for ticket in self.pending.drain(..) {
            if let Commit::Refused { .. } = ticket.wait()? {
                // Somebody deleted the row between the reading and the writing.
                return Err(LedgerError::RecordGone);
            }
        }
        Ok(())
    }

    fn submit(&mut self, now: Timestamp, changes: Vec<Change>) {
        self.pending.push(self.ledger.store().submit(now, changes));
    }
}

//! Forgetting a program.

use hostledger_install::{Request, unlink};
use hostledger_model::{BinaryId, Timestamp};
use hostledger_store::Change;

use crate::{Ledger, LedgerError};

impl Ledger {
    /// Deletes a binary's record and its link, if that leads to it; says whether the record was
    /// there. The program stays, and so do the logs of its installation.
    ///
    /// # Errors
    /// The database cannot be written, or the link not be removed.
    pub fn remove_binary(&self, id: BinaryId) -> Result<bool, LedgerError> {
        let Some(binary) = self.store().binary(id)? else {
            return Ok(false);
        };
        let place = self.place()?;
        let request = Request {
            binary: &binary,
            place: &place,
        };
        unlink(&place.data, request.name(), binary.abspath.as_ref())?;
        let delete = Change::DeleteBinary(id);
        let commit = self.store().submit(Timestamp::now(), vec![delete]).wait()?;
        Ok(commit.is_applied())
    }
}

//! A record of a machine: the part of its configuration that is believed.

use hostledger_model::{Timestamp, config};
use hostledger_store::Change;
use serde_json::{Map, Value};

use crate::current::path_exists;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// Merges a patch into the configuration of the current machine, as far as it is believed;
    /// says whether there was anything in it.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub fn merge_machine_config(&self, patch: &Map<String, Value>) -> Result<bool, LedgerError> {
        loop {
            let id = self.current_machine()?.id;
            // As it is stored, not as it is believed.
            let machine = self.machine(id)?;
            let stored = machine.config_object();
            let Some(config) = config::merge(&stored, patch, &path_exists) else {
                return Ok(false);
            };
            let change = Change::SaveMachineConfig {
                id,
                read: machine.config,
                config,
            };
            // Refused when somebody else has written it between the reading and the writing.
            let commit = self.store().submit(Timestamp::now(), vec![change]).wait()?;
            if commit.is_applied() {
                return Ok(true);
            }
        }
    }
}

//! The machine we are on.

use std::path::Path;

use chrono::TimeDelta;
use hostledger_host::{DetectedMachine, MachineOptions};
use hostledger_model::{Machine, MachineFacts, MachineId, Timestamp, config};
use hostledger_store::{Change, StoreError};

use crate::{Ledger, LedgerError};

/// How long what was detected is trusted.
const TRUSTED_FOR: TimeDelta = TimeDelta::days(7);

impl Ledger {
    /// The row of the host we are on: found by its guid, made when it is missing, detected anew
    /// when it is older than 7 days. Its configuration is sanitised; nothing is saved by that.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub fn current_machine(&self) -> Result<Machine, LedgerError> {
        self.machine_detected_within(TRUSTED_FOR)
    }

    /// The same, but detected now.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub fn refresh_machine(&self) -> Result<Machine, LedgerError> {
        self.machine_detected_within(TimeDelta::zero())
    }

    /// Deletes a machine with its interfaces, binaries and processes, in one transaction; says
    /// whether it was there. Their logs stay.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn delete_machine(&self, id: MachineId) -> Result<bool, LedgerError> {
        let delete = Change::DeleteMachine(id);
        Ok(self
            .store()
            .submit(Timestamp::now(), vec![delete])
            .wait()?
            .is_applied())
    }

    fn machine_detected_within(&self, age: TimeDelta) -> Result<Machine, LedgerError> {
        self.check_process()?;
        let now = Timestamp::now();
        let refresh = age.is_zero();
        let fresh = |machine: &Machine| {
            let since = now.since(machine.modified_at);
            since < age && since > -age
        };
        let mut cache = self.lock(&self.inner.machine);
        let known = match cache.take() {
            // Somebody may have deleted the row.
            Some(id) => self.store().machine(id)?,
            None => None,
        };
        let known = match known {
            Some(machine) => Some(machine),
            None => self.store().machine_by_guid(&self.machine_guid())?,
        };
        let mut machine = match known {
            Some(machine) if fresh(&machine) || (self.is_read_only() && !refresh) => machine,
            Some(machine) => self.save_facts(machine, now)?,
            None => self.insert_machine(now)?,
        };
        *cache = Some(machine.id);
        machine.config = Some(config::sanitise(&machine.config_object(), &path_exists).into());
        Ok(machine)
    }

    fn machine_guid(&self) -> String {
        self.inner.host.machine_guid(&self.machine_options())
    }

    fn detect(&self) -> MachineFacts {
        facts(self.inner.host.detect_machine(&self.machine_options()))
    }

    fn machine_options(&self) -> MachineOptions {
        let mut options = MachineOptions::new(self.inner.place_of_data());
        options
            .application_id
            .clone_from(&self.inner.application_id);
        options
    }

    fn save_facts(&self, mut machine: Machine, now: Timestamp) -> Result<Machine, LedgerError> {
        let facts = self.detect().cut();
        let change = Change::SaveMachineFacts {
            id: machine.id,
            facts: Box::new(facts.clone()),
        };
        if self.store().submit(now, vec![change]).wait()?.is_applied() {
            machine.facts = facts;
            machine.modified_at = now;
            return Ok(machine);
        }
        // Deleted between the reading and the writing.
        self.insert_machine(now)
    }

    fn insert_machine(&self, now: Timestamp) -> Result<Machine, LedgerError> {
        let machine = Machine::new(self.detect(), now);
        let change = Change::InsertMachine(Box::new(machine.clone()));
        match self.store().submit(now, vec![change]).wait() {
            Ok(_) => Ok(machine),
            // Another process on this host has just done the same.
            Err(error @ StoreError::Duplicate { .. }) => {
                let theirs = self.store().machine_by_guid(&machine.facts.guid)?;
                theirs.ok_or_else(|| error.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a path exists, `~` at its beginning standing for the home directory.
pub(crate) fn path_exists(path: &str) -> bool {
    let home = std::env::var("HOME").unwrap_or_default();
    Path::new(&config::expand_home(path, &home)).exists()
}

fn facts(detected: DetectedMachine) -> MachineFacts {
    MachineFacts {
        guid: detected.guid,
        hostname: detected.hostname,
        hw_in_docker: detected.hw_in_docker,
        hw_in_vm: detected.hw_in_vm,
        hw_manufacturer: detected.hw_manufacturer,
        hw_product: detected.hw_product,
        hw_uuid: detected.hw_uuid,
        os_arch: detected.os_arch,
        os_family: detected.os_family,
        os_platform: detected.os_platform,
        os_release: detected.os_release,
        os_kernel: detected.os_kernel,
        stats: Some(detected.stats),
    }
}

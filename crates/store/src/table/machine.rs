//! Rows of `machine_machine`.

use diesel::prelude::*;
use hostledger_model::{Health, Machine, MachineFacts};
use serde::Serialize;

use super::encoding::{self, RowReader};
use super::row::TableRow;
use super::schema::{machine, names};
use super::text::JsonText;
use crate::error::CorruptRow;

/// A row as it stands.
#[derive(Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = machine, treat_none_as_default_value = false)]
pub(crate) struct MachineRow {
    pub(crate) id: String,
    pub(crate) created_at: String,
    modified_at: String,
    num_uses_succeeded: i64,
    num_uses_failed: i64,
    #[diesel(embed)]
    #[serde(flatten)]
    pub(crate) facts: MachineFactsRow,
    config: Option<JsonText>,
}

/// The columns that detection fills.
#[derive(Queryable, Selectable, Insertable, AsChangeset, Serialize)]
#[diesel(table_name = machine, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct MachineFactsRow {
    guid: String,
    hostname: String,
    hw_in_docker: bool,
    hw_in_vm: bool,
    hw_manufacturer: String,
    hw_product: String,
    hw_uuid: String,
    os_arch: String,
    os_family: String,
    os_platform: String,
    os_release: String,
    os_kernel: String,
    stats: Option<JsonText>,
}

impl From<&MachineFacts> for MachineFactsRow {
    fn from(facts: &MachineFacts) -> Self {
        Self {
            guid: facts.guid.clone(),
            hostname: facts.hostname.clone(),
            hw_in_docker: facts.hw_in_docker,
            hw_in_vm: facts.hw_in_vm,
            hw_manufacturer: facts.hw_manufacturer.clone(),
            hw_product: facts.hw_product.clone(),
            hw_uuid: facts.hw_uuid.clone(),
            os_arch: facts.os_arch.clone(),
            os_family: facts.os_family.clone(),
            os_platform: facts.os_platform.clone(),
            os_release: facts.os_release.clone(),
            os_kernel: facts.os_kernel.clone(),
            stats: facts.stats.as_ref().map(|it| JsonText(it.to_string())),
        }
    }
}

impl From<&Machine> for MachineRow {
    fn from(machine: &Machine) -> Self {
        Self {
            id: machine.id.simple(),
            created_at: encoding::time(machine.created_at),
            modified_at: encoding::time(machine.modified_at),
            num_uses_succeeded: encoding::count(machine.health.num_uses_succeeded),
            num_uses_failed: encoding::count(machine.health.num_uses_failed),
            facts: (&machine.facts).into(),
            config: machine.config.as_ref().map(|it| JsonText(it.to_string())),
        }
    }
}

impl TableRow for MachineRow {
    const TABLE: &'static str = names::MACHINE;

    type Record = Machine;

    fn record(self) -> Result<Machine, CorruptRow> {
        let read = RowReader {
            table: Self::TABLE,
            id: &self.id,
        };
        let facts = self.facts;
        Ok(Machine {
            id: read.parse("id", &self.id)?,
            created_at: read.time("created_at", &self.created_at)?,
            modified_at: read.time("modified_at", &self.modified_at)?,
            health: read.health(self.num_uses_succeeded, self.num_uses_failed)?,
            config: read.json_some("config", self.config.as_ref())?,
            facts: MachineFacts {
                stats: read.json_some("stats", facts.stats.as_ref())?,
                guid: facts.guid,
                hostname: facts.hostname,
                hw_in_docker: facts.hw_in_docker,
                hw_in_vm: facts.hw_in_vm,
                hw_manufacturer: facts.hw_manufacturer,
                hw_product: facts.hw_product,
                hw_uuid: facts.hw_uuid,
                os_arch: facts.os_arch,
                os_family: facts.os_family,
                os_platform: facts.os_platform,
                os_release: facts.os_release,
                os_kernel: facts.os_kernel,
            },
        })
    }

    fn position(&self) -> (&str, &str) {
        (&self.id, &self.created_at)
    }
}

impl RowReader<'_> {
    /// The counts of uses; a negative one is no count.
    pub(crate) fn health(self, succeeded: i64, failed: i64) -> Result<Health, CorruptRow> {
        Ok(Health {
            num_uses_succeeded: self.number("num_uses_succeeded", succeeded)?,
            num_uses_failed: self.number("num_uses_failed", failed)?,
        })
    }
}

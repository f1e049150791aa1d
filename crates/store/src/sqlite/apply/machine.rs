//! Changes of a machine's row.

use diesel::prelude::*;
use hostledger_model::{MachineFacts, MachineId, Timestamp};
use serde_json::{Map, Value};

use crate::error::StoreError;
use crate::sqlite::encoding;
use crate::sqlite::failure::Failed;
use crate::sqlite::machine;
use crate::sqlite::schema::machine::{config as config_column, modified_at, table};
use crate::table::MachineFactsRow;

pub(super) fn save_facts(
    connection: &mut SqliteConnection,
    id: MachineId,
    facts: &MachineFacts,
    now: Timestamp,
) -> Result<bool, Failed> {
    let rows = diesel::update(table.find(id.simple()))
        .set((
            MachineFactsRow::from(facts),
            modified_at.eq(encoding::time(now)),
        ))
        .execute(connection)?;
    Ok(rows > 0)
}

/// Compares what was read as JSON, not as text: other programs write it with spaces.
pub(super) fn save_config(
    connection: &mut SqliteConnection,
    id: MachineId,
    read: Option<&Value>,
    config: &Map<String, Value>,
    now: Timestamp,
) -> Result<bool, Failed> {
    let Some(row) = machine::by_id(connection, id)? else {
        return Ok(false);
    };
    let machine = row.record().map_err(StoreError::from)?;
    if machine.config.as_ref() != read {
        return Ok(false);
    }
    let rows = diesel::update(table.find(id.simple()))
        .set((
            config_column.eq(encoding::json(config)),
            modified_at.eq(encoding::time(now)),
        ))
        .execute(connection)?;
    Ok(rows > 0)
}

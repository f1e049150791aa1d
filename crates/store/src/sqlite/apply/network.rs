//! Saving a network interface under its fingerprint.

use diesel::prelude::*;
use hostledger_model::{NetworkInterface, Timestamp};

use crate::error::StoreError;
use crate::record_id::RecordId;
use crate::sqlite::encoding;
use crate::sqlite::failure::Failed;
use crate::sqlite::interface::by_fingerprint;
use crate::sqlite::schema::interface::{modified_at, table};
use crate::table::{InterfaceRow, NetworkFactsRow};

/// Updates the row of the same fingerprint, or inserts this one: which row it is.
///
/// Looks for the row itself instead of leaving that to a unique index, which real files lack.
pub(super) fn save(
    connection: &mut SqliteConnection,
    interface: &NetworkInterface,
    now: Timestamp,
) -> Result<RecordId, Failed> {
    let Some(row) = by_fingerprint(connection, interface.machine_id, &interface.facts)? else {
        diesel::insert_into(table)
            .values(InterfaceRow::from(interface))
            .execute(connection)?;
        return Ok(interface.id.into());
    };
    let saved = row.record().map_err(StoreError::from)?.id;
    diesel::update(table.find(saved.simple()))
        .set((
            NetworkFactsRow::from(&interface.facts),
            modified_at.eq(encoding::time(now)),
        ))
        .execute(connection)?;
    Ok(saved.into())
}

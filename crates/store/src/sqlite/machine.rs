//! Finding machines.

use diesel::prelude::*;
use hostledger_model::MachineId;

use super::row::{Read, columns};
use super::schema::machine;
use crate::table::MachineRow;

pub(super) fn by_id(
    connection: &mut SqliteConnection,
    id: MachineId,
) -> QueryResult<Option<Read<MachineRow>>> {
    machine::table
        .find(id.simple())
        .select(columns::<MachineRow>())
        .first(connection)
        .optional()
}

pub(super) fn by_guid(
    connection: &mut SqliteConnection,
    guid: &str,
) -> QueryResult<Option<Read<MachineRow>>> {
    machine::table
        .filter(machine::guid.eq(guid))
        .order((machine::modified_at.desc(), machine::id.desc()))
        .select(columns::<MachineRow>())
        .first(connection)
        .optional()
}

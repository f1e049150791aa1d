//! Finding binaries.

use diesel::prelude::*;
use hostledger_model::{BinaryId, BinaryStatus, MachineId};

use super::row::{Read, columns};
use super::schema::binary;
use crate::table::BinaryRow;

diesel::define_sql_function! {
    /// SQLite's own: lowers ASCII letters and leaves all others alone.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

pub(super) fn by_id(
    connection: &mut SqliteConnection,
    id: BinaryId,
) -> QueryResult<Option<Read<BinaryRow>>> {
    binary::table
        .find(id.simple())
        .select(columns::<BinaryRow>())
        .first(connection)
        .optional()
}

/// Installed rows of older writers say `succeeded`.
pub(super) fn valid_by_name(
    connection: &mut SqliteConnection,
    machine: MachineId,
    name: &str,
) -> QueryResult<Option<Read<BinaryRow>>> {
    binary::table
        .filter(lower(binary::name).eq(name.to_ascii_lowercase()))
        .filter(binary::machine_id.eq(machine.simple()))
        .filter(binary::abspath.ne(""))
        .filter(binary::status.eq_any([BinaryStatus::Installed.as_str(), "succeeded"]))
        .order((binary::modified_at.desc(), binary::id.desc()))
        .select(columns::<BinaryRow>())
        .first(connection)
        .optional()
}

//! Rows of `machine_binary`.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use hostledger_model::{Binary, BinaryId, BinaryStatus, MachineId};

use super::encoding::{self, RowReader};
use super::row::{Read, TableRow, columns};
use super::schema::{binary, names};
use crate::error::CorruptRow;

diesel::define_sql_function! {
    /// SQLite's own: lowers ASCII letters and leaves all others alone.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// A row as it stands.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = binary, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub(super) struct BinaryRow {
    pub(super) id: String,
    pub(super) created_at: String,
    modified_at: String,
    num_uses_succeeded: i64,
    num_uses_failed: i64,
    machine_id: String,
    #[diesel(embed)]
    content: BinaryContentRow,
}

/// The columns that an update writes.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = binary, check_for_backend(Sqlite), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct BinaryContentRow {
    name: String,
    binproviders: String,
    overrides: String,
    binprovider: String,
    abspath: String,
    version: String,
    sha256: String,
    status: String,
    retry_at: Option<String>,
}

impl From<&Binary> for BinaryContentRow {
    fn from(binary: &Binary) -> Self {
        Self {
            name: binary.name.clone(),
            binproviders: binary.binproviders.clone(),
            overrides: binary.overrides.to_string(),
            binprovider: binary.binprovider.clone(),
            abspath: binary.abspath.clone(),
            version: binary.version.clone(),
            sha256: binary.sha256.clone(),
            status: binary.status.as_str().to_owned(),
            retry_at: binary.retry_at.map(encoding::time),
        }
    }
}

impl From<&Binary> for BinaryRow {
    fn from(binary: &Binary) -> Self {
        Self {
            id: binary.id.simple(),
            created_at: encoding::time(binary.created_at),
            modified_at: encoding::time(binary.modified_at),
            num_uses_succeeded: encoding::count(binary.health.num_uses_succeeded),
            num_uses_failed: encoding::count(binary.health.num_uses_failed),
            machine_id: binary.machine_id.simple(),
            content: binary.into(),
        }
    }
}

impl TableRow for BinaryRow {
    const TABLE: &'static str = names::BINARY;

    type Record = Binary;

    fn record(self) -> Result<Binary, CorruptRow> {
        let read = RowReader {
            table: Self::TABLE,
            id: &self.id,
        };
        let content = self.content;
        Ok(Binary {
            id: read.parse("id", &self.id)?,
            created_at: read.time("created_at", &self.created_at)?,
            modified_at: read.time("modified_at", &self.modified_at)?,
            health: read.health(self.num_uses_succeeded, self.num_uses_failed)?,
            machine_id: read.parse("machine_id", &self.machine_id)?,
            overrides: read.json("overrides", &content.overrides)?,
            status: read.parse("status", &content.status)?,
            retry_at: read.time_some("retry_at", content.retry_at.as_ref())?,
            name: content.name,
            binproviders: content.binproviders,
            binprovider: content.binprovider,
            abspath: content.abspath,
            version: content.version,
            sha256: content.sha256,
        })
    }

    fn position(&self) -> (&str, &str) {
        (&self.id, &self.created_at)
    }
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

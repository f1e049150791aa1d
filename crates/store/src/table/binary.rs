//! Rows of `machine_binary`.

use diesel::prelude::*;
use hostledger_model::Binary;

use super::encoding::{self, RowReader};
use super::row::TableRow;
use super::schema::{binary, names};
use crate::error::CorruptRow;

/// A row as it stands.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = binary, treat_none_as_default_value = false)]
pub(crate) struct BinaryRow {
    pub(crate) id: String,
    pub(crate) created_at: String,
    modified_at: String,
    num_uses_succeeded: i64,
    num_uses_failed: i64,
    machine_id: String,
    #[diesel(embed)]
    content: BinaryContentRow,
}

/// The columns that an update writes.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = binary, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct BinaryContentRow {
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

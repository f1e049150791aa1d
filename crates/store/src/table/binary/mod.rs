//! Rows of `machine_binary`.

mod own;

use diesel::prelude::*;
use hostledger_model::Binary;
use serde::Serialize;

pub(crate) use own::{OwnRow, reasons};

use super::encoding::{self, RowReader};
use super::row::TableRow;
use super::schema::{binary, names};
use super::text::JsonText;
use crate::error::CorruptRow;

/// A row as it stands, in a ledger of our own.
#[derive(Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = binary, treat_none_as_default_value = false)]
pub(crate) struct BinaryRow {
    #[diesel(embed)]
    #[serde(flatten)]
    base: BaseRow,
    #[diesel(embed)]
    #[serde(flatten)]
    own: OwnRow,
}

/// The columns that every program's table has.
#[derive(Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = binary, treat_none_as_default_value = false)]
pub(crate) struct BaseRow {
    id: String,
    created_at: String,
    modified_at: String,
    num_uses_succeeded: i64,
    num_uses_failed: i64,
    machine_id: String,
    #[diesel(embed)]
    #[serde(flatten)]
    content: ContentRow,
}

/// Those of them that an update writes.
#[derive(Queryable, Selectable, Insertable, AsChangeset, Serialize)]
#[diesel(table_name = binary, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct ContentRow {
    name: String,
    binproviders: String,
    overrides: JsonText,
    binprovider: String,
    abspath: String,
    version: String,
    sha256: String,
    status: String,
    retry_at: Option<String>,
}

/// A row of somebody else's table: what it cannot say has our columns' defaults.
impl From<BaseRow> for BinaryRow {
    fn from(base: BaseRow) -> Self {
        let own = OwnRow::default();
        Self { base, own }
    }
}

impl From<&Binary> for ContentRow {
    fn from(binary: &Binary) -> Self {
        Self {
            name: binary.name.clone(),
            binproviders: binary.binproviders.clone(),
            overrides: JsonText(binary.overrides.to_string()),
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
        let base = BaseRow {
            id: binary.id.simple(),
            created_at: encoding::time(binary.created_at),
            modified_at: encoding::time(binary.modified_at),
            num_uses_succeeded: encoding::count(binary.health.num_uses_succeeded),
            num_uses_failed: encoding::count(binary.health.num_uses_failed),
            machine_id: binary.machine_id.simple(),
            content: binary.into(),
        };
        let own = binary.into();
        Self { base, own }
    }
}

impl TableRow for BinaryRow {
    const TABLE: &'static str = names::BINARY;

    type Record = Binary;

    fn record(self) -> Result<Binary, CorruptRow> {
        let Self { base, own } = self;
        let read = RowReader {
            table: Self::TABLE,
            id: &base.id,
        };
        let content = base.content;
        Ok(Binary {
            id: read.parse("id", &base.id)?,
            created_at: read.time("created_at", &base.created_at)?,
            modified_at: read.time("modified_at", &base.modified_at)?,
            health: read.health(base.num_uses_succeeded, base.num_uses_failed)?,
            machine_id: read.parse("machine_id", &base.machine_id)?,
            overrides: read.json("overrides", &content.overrides)?,
            status: read.parse("status", &content.status)?,
            retry_at: read.time_some("retry_at", content.retry_at.as_ref())?,
            name: content.name,
            binproviders: content.binproviders,
            binprovider: content.binprovider,
            abspath: content.abspath,
            version: content.version,
            sha256: content.sha256,

            owner: read.parse_some("owner", own.owner.as_ref())?,
            attempt: read.number("attempt", own.attempt)?,
            max_attempts: own
                .max_attempts
                .map(|attempts| read.number("max_attempts", attempts))
                .transpose()?,
            reasons: own.read_reasons(read)?,
            min_version: own.min_version,
        })
    }

    fn position(&self) -> (&str, &str) {
        (&self.base.id, &self.base.created_at)
    }
}

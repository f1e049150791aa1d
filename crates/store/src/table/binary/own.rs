//! The columns of `machine_binary` that are our own: a foreign table does not have them.

use diesel::prelude::*;
use hostledger_model::{Binary, OwnerId, ProviderReason};
use serde::Serialize;

use crate::error::CorruptRow;
use crate::table::encoding::{self, RowReader};
use crate::table::schema::binary;
use crate::table::text::JsonText;

#[derive(Queryable, Selectable, Insertable, AsChangeset, Serialize)]
#[diesel(table_name = binary, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct OwnRow {
    pub(super) min_version: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) attempt: i64,
    pub(super) max_attempts: Option<i64>,
    reasons: Option<JsonText>,
}

/// What the columns' defaults in the database are.
impl Default for OwnRow {
    fn default() -> Self {
        Self {
            min_version: None,
            owner: None,
            attempt: 1,
            max_attempts: None,
            reasons: None,
        }
    }
}

impl From<&Binary> for OwnRow {
    fn from(binary: &Binary) -> Self {
        Self {
            min_version: binary.min_version.clone(),
            owner: binary.owner.map(OwnerId::simple),
            attempt: binary.attempt.into(),
            max_attempts: binary.max_attempts.map(Into::into),
            reasons: reasons(&binary.reasons),
        }
    }
}

impl OwnRow {
    pub(super) fn read_reasons(
        &self,
        read: RowReader<'_>,
    ) -> Result<Vec<ProviderReason>, CorruptRow> {
        match &self.reasons {
            Some(reasons) => read.json("reasons", reasons),
            None => Ok(Vec::new()),
        }
    }
}

/// Reasons as they stand in their column; none when there are none.
pub(crate) fn reasons(reasons: &[ProviderReason]) -> Option<JsonText> {
    (!reasons.is_empty()).then(|| JsonText(encoding::json(&reasons)))
}

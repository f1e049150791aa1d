//! Rows of `hostledger_owner`: who takes processes on.

use std::path::PathBuf;

use diesel::prelude::*;
use hostledger_model::{OwnerPlace, OwnerRecord};

use super::encoding;
use super::schema::owner;

/// A row as it stands.
#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = owner, treat_none_as_default_value = false)]
#[diesel(treat_none_as_null = true)]
pub(crate) struct OwnerRow {
    pub(crate) id: String,
    pub(crate) machine_id: String,
    pub(crate) data_dir: Option<String>,
    pub(crate) mark: Option<String>,
    pub(crate) started_at: String,
    pub(crate) seen_at: String,
}

impl OwnerRow {
    /// None when a column makes no sense: nothing is known of that owner then.
    pub(crate) fn record(self) -> Option<OwnerRecord> {
        let place = self.data_dir.zip(self.mark);
        Some(OwnerRecord {
            id: self.id.parse().ok()?,
            machine_id: self.machine_id.parse().ok()?,
            place: place.map(|(data_dir, mark)| OwnerPlace {
                data_dir: PathBuf::from(data_dir),
                mark,
            }),
            started_at: encoding::read_time(&self.started_at).ok()?,
            seen_at: encoding::read_time(&self.seen_at).ok()?,
        })
    }
}

impl From<&OwnerRecord> for OwnerRow {
    fn from(owner: &OwnerRecord) -> Self {
        let place = owner.place.as_ref();
        Self {
            id: owner.id.simple(),
            machine_id: owner.machine_id.simple(),
            // A path that is no text is found by nobody, and its mark says so.
            data_dir: place.map(|it| it.data_dir.to_string_lossy().into_owned()),
            mark: place.map(|it| it.mark.clone()),
            started_at: encoding::time(owner.started_at),
            seen_at: encoding::time(owner.seen_at),
        }
    }
}

//! Steps in the life of a binary's row, each a guarded statement on its own fields.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use hostledger_model::{
    Binary, BinaryChange, BinaryId, BinaryStatus, InstalledFile, OwnerId, Timestamp,
};

use super::request;
use crate::sqlite::failure::Failed;
use crate::sqlite::literal::literal;
use crate::sqlite::update::update;
use crate::table::encoding;
use crate::table::schema::binary;
use crate::table::{BinaryContentRow, BinaryOwnRow, binary_reasons};

/// The columns that tell of the file.
#[derive(AsChangeset)]
#[diesel(table_name = binary)]
struct FileRow<'f> {
    abspath: &'f str,
    version: &'f str,
    sha256: &'f str,
    binprovider: &'f str,
}

impl<'f> From<&'f InstalledFile> for FileRow<'f> {
    fn from(file: &'f InstalledFile) -> Self {
        Self {
            abspath: &file.abspath,
            version: &file.version,
            sha256: file.sha256.as_deref().unwrap_or_default(),
            binprovider: file.binprovider.as_deref().unwrap_or_default(),
        }
    }
}

/// Writes every field but those that an update leaves alone.
pub(in crate::sqlite) fn replace(
    connection: &mut SqliteConnection,
    binary: &Binary,
    now: Timestamp,
) -> QueryResult<bool> {
    let it = binary::id.eq(binary.id.simple());
    let set = (
        BinaryContentRow::from(binary),
        BinaryOwnRow::from(binary),
        binary::modified_at.eq(encoding::time(now)),
    );
    Ok(update(&binary::table, it, set).execute(connection)? > 0)
}

/// Makes a change where the row allows it and belongs to `owner`; says whether it did.
pub(in crate::sqlite) fn change(
    connection: &mut SqliteConnection,
    binary_id: BinaryId,
    change: &BinaryChange,
    owner: Option<OwnerId>,
    now: Timestamp,
) -> Result<bool, Failed> {
    let id = binary_id.simple();
    let now = encoding::time(now);
    let owner = owner.map(OwnerId::simple);
    let pending = || literal::<Bool>("status IN ('queued', 'started')");
    let theirs = || {
        let owner = owner.as_deref();
        let anybody = owner.into_sql::<Nullable<Text>>().is_null();
        binary::id
            .eq(&id)
            .and(pending())
            .and(anybody.or(binary::owner.eq(owner)))
    };
    let modified = binary::modified_at.eq(&now);
    let status = |status: BinaryStatus| binary::status.eq(status.as_str());
    let nobody = binary::owner.eq(None::<&str>);
    let never = binary::retry_at.eq(None::<&str>);
    let rows = match change {
        BinaryChange::Claimed {
            owner: claimer,
            lease_until,
            dead,
        } => {
            let dead = dead.map(OwnerId::simple);
            let free = binary::id
                .eq(&id)
                .and(pending())
                .and(binary::retry_at.le(&now).or(binary::owner.eq(dead)));
            let set = (
                binary::owner.eq(claimer.simple()),
                binary::retry_at.eq(encoding::time(*lease_until)),
                modified,
            );
            update(&binary::table, free, set).execute(connection)?
        }
        BinaryChange::Deferred { retry_at } => {
            let set = (
                status(BinaryStatus::Queued),
                binary::retry_at.eq(encoding::time(*retry_at)),
                nobody,
                modified,
            );
            update(&binary::table, theirs(), set).execute(connection)?
        }
        BinaryChange::Trying {
            reasons,
            lease_until,
        } => {
            let set = (
                status(BinaryStatus::Started),
                binary::retry_at.eq(encoding::time(*lease_until)),
                binary::reasons.eq(binary_reasons(reasons)),
                modified,
            );
            update(&binary::table, theirs(), set).execute(connection)?
        }
        BinaryChange::Installed(file) => {
            request::absorb_equals(connection, binary_id, file)?;
            let set = (
                status(BinaryStatus::Installed),
                FileRow::from(file),
                nobody,
                never,
                modified,
            );
            update(&binary::table, theirs(), set).execute(connection)?
        }
        BinaryChange::Requeued { reasons, retry_at } => {
            let set = (
                status(BinaryStatus::Queued),
                binary::retry_at.eq(encoding::time(*retry_at)),
                binary::reasons.eq(binary_reasons(reasons)),
                binary::attempt.eq(binary::attempt + 1),
                nobody,
                modified,
            );
            update(&binary::table, theirs(), set).execute(connection)?
        }
        BinaryChange::Failed { reasons } => {
            let set = (
                status(BinaryStatus::Failed),
                binary::reasons.eq(binary_reasons(reasons)),
                nobody,
                never,
                modified,
            );
            update(&binary::table, theirs(), set).execute(connection)?
        }
    };
    Ok(rows > 0)
}

//! Asking for a binary, and rows that turn out to be the same one.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use hostledger_model::{Binary, BinaryId, InstalledFile, Timestamp};

use super::{by_name, replace};
use crate::error::StoreError;
use crate::record_id::RecordId;
use crate::sqlite::failure::Failed;
use crate::sqlite::process::Columns;
use crate::table::BinaryRow;
use crate::table::schema::{binary, process};

/// Puts a request into the row of its name, or inserts it: which row it is. A row that somebody
/// is at work on stays as it is: what they come up with answers this request as well.
pub(in crate::sqlite) fn request(
    connection: &mut SqliteConnection,
    request: &Binary,
    now: Timestamp,
) -> Result<RecordId, Failed> {
    let known = by_name(connection, Columns::All, request.machine_id, &request.name)?;
    let Some(known) = known else {
        diesel::insert_into(binary::table)
            .values(BinaryRow::from(request))
            .execute(connection)?;
        return Ok(request.id.into());
    };
    let known = known.record().map_err(StoreError::from)?;
    let id = known.id;
    let at_work = known.owner.is_some() && known.retry_at.is_some_and(|until| until > now);
    if !at_work {
        replace(connection, &known.asked_anew(request), now)?;
    }
    Ok(id.into())
}

/// Makes other rows of the same name and file one with this: their uses are its uses. Older
/// writers leave such rows, and two with the same file cannot be.
pub(super) fn absorb_equals(
    connection: &mut SqliteConnection,
    id: BinaryId,
    file: &InstalledFile,
) -> QueryResult<()> {
    let id = id.simple();
    let this = binary::table
        .find(&id)
        .select((binary::machine_id, binary::name))
        .first::<(String, String)>(connection)
        .optional()?;
    let Some((machine, name)) = this else {
        return Ok(());
    };
    let equals: Vec<(String, i64, i64)> = binary::table
        .filter(binary::id.ne(&id))
        .filter(binary::machine_id.eq(machine))
        .filter(binary::name.eq(name))
        .filter(binary::abspath.eq(&file.abspath))
        .filter(binary::version.eq(&file.version))
        .filter(binary::sha256.eq(file.sha256.as_deref().unwrap_or_default()))
        .select((
            binary::id,
            binary::num_uses_succeeded,
            binary::num_uses_failed,
        ))
        .load(connection)?;
    for (equal, succeeded, failed) in equals {
        diesel::update(process::table.filter(process::binary_id.eq(&equal)))
            .set(process::binary_id.eq(&id))
            .execute(connection)?;
        diesel::update(binary::table.find(&id))
            .set((
                binary::num_uses_succeeded
                    .eq(binary::num_uses_succeeded + succeeded.into_sql::<BigInt>()),
                binary::num_uses_failed.eq(binary::num_uses_failed + failed.into_sql::<BigInt>()),
            ))
            .execute(connection)?;
        diesel::delete(binary::table.find(&equal)).execute(connection)?;
    }
    Ok(())
}

//! The history of attempts.

use diesel::prelude::*;
use hostledger_model::{Attempt, Ended, ProcessId};

use super::failure::Failed;
use super::process::{self, Columns};
use super::row::{Read, columns};
use super::schema::attempt;
use crate::error::StoreError;
use crate::table::AttemptRow;

/// Writes the process's present attempt into the history, ended like this; a process that is
/// not there has none.
pub(super) fn insert(
    connection: &mut SqliteConnection,
    process_id: ProcessId,
    ended: &Ended,
) -> Result<(), Failed> {
    let Some(row) = process::by_id(connection, Columns::All, process_id)? else {
        return Ok(());
    };
    let process = row.record().map_err(StoreError::from)?;
    let row = AttemptRow::new(process_id, Attempt::of(&process, ended));
    diesel::insert_into(attempt::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

pub(super) fn of_process(
    connection: &mut SqliteConnection,
    process_id: ProcessId,
) -> QueryResult<Vec<Read<AttemptRow>>> {
    attempt::table
        .filter(attempt::process_id.eq(process_id.simple()))
        .order(attempt::number)
        .select(columns::<AttemptRow>())
        .load(connection)
}

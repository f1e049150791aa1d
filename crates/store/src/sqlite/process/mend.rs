//! What older writers meant.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use hostledger_model::Timestamp;

use crate::sqlite::encoding;
use crate::sqlite::literal::literal;
use crate::sqlite::schema::process;
use crate::sqlite::update::update;
use crate::table::KILLED;

/// Writes the exit codes of those found gone as they are read; how many.
pub(in crate::sqlite) fn mend_exit_codes(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> QueryResult<usize> {
    // In the words of the index of such rows.
    let found_gone = literal::<Bool>("exit_code = -1");
    let set = (
        process::exit_code.eq(i64::from(KILLED)),
        process::modified_at.eq(encoding::time(now)),
    );
    update(&process::table, found_gone, set).execute(connection)
}

//! Rows of `hostledger_worker_id`: the last number given to a worker of each type.

use diesel::prelude::*;

use super::schema::worker_id::{last_id, table, worker_type};

/// Counts one more worker of a type; its number.
pub(super) fn next(connection: &mut SqliteConnection, of_type: &str) -> QueryResult<i64> {
    diesel::insert_into(table)
        .values((worker_type.eq(of_type), last_id.eq(1)))
        .on_conflict(worker_type)
        .do_update()
        .set(last_id.eq(last_id + 1))
        .returning(last_id)
        .get_result(connection)
}

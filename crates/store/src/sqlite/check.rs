//! Looking for damage in a database file.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{QueryResult, SqliteConnection, sql_query};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

/// What `PRAGMA quick_check` says: one line `ok`, or one for each of up to ten problems.
///
/// Unlike `integrity_check` it does not compare indexes with their tables, which takes much longer.
pub(super) fn problems(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    let lines: Vec<Line> = sql_query("PRAGMA quick_check(10)").load(connection)?;
    Ok(lines.into_iter().map(|line| line.quick_check).collect())
}

//! Queries for a bounded number of rows that stay prepared.

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::sql_types::BigInt;
use diesel::sqlite::{Sqlite, SqliteConnection};

/// A query for the first rows only.
///
/// SQLite plans a `LIMIT ?` by its value, and so prepares the statement anew whenever that is
/// bound, to the same value as before too. It does not look into an expression.
pub(super) struct Limited<Q> {
    query: Q,
    rows: i64,
}

/// At most this many rows of a query that has an order and no limit.
pub(super) fn limited<Q: Query>(query: Q, rows: u32) -> Limited<Q> {
    let rows = rows.into();
    Limited { query, rows }
}

impl<Q: Query> Query for Limited<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for Limited<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Limited<Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.query.walk_ast(pass.reborrow())?;
        pass.push_sql(" LIMIT 0 + ");
        pass.push_bind_param::<BigInt, _>(&self.rows)
    }
}

impl<Q> RunQueryDsl<SqliteConnection> for Limited<Q> {}

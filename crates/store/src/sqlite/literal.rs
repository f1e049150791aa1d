//! Fixed texts in the SQL, for what a bound parameter cannot say.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::expression::{
    AppearsOnTable, Expression, SelectableExpression, TypedExpressionType, ValidGrouping,
    is_aggregate,
};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use hostledger_model::ProcessStatus;

/// SQL that is the same at every run, of the SQL type `ST`.
///
/// Unlike diesel's own, which may be anything, it lets its statement stay prepared.
pub(super) struct Literal<ST> {
    sql: &'static str,
    sql_type: PhantomData<ST>,
}

pub(super) fn literal<ST>(sql: &'static str) -> Literal<ST> {
    Literal {
        sql,
        sql_type: PhantomData,
    }
}

/// A status, as it stands in the condition of a partial index.
///
/// Such an index is used only where the statement says the same; compared with a bound
/// parameter instead, SQLite would prepare the statement anew for every value.
pub(super) fn status(status: ProcessStatus) -> Literal<Text> {
    literal(match status {
        ProcessStatus::Queued => "'queued'",
        ProcessStatus::Running => "'running'",
        ProcessStatus::Exited => "'exited'",
    })
}

impl<ST: TypedExpressionType> Expression for Literal<ST> {
    type SqlType = ST;
}

impl<ST: TypedExpressionType, QS> SelectableExpression<QS> for Literal<ST> {}

impl<ST: TypedExpressionType, QS> AppearsOnTable<QS> for Literal<ST> {}

impl<ST, GB> ValidGrouping<GB> for Literal<ST> {
    type IsAggregate = is_aggregate::Never;
}

impl<ST> QueryId for Literal<ST> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> QueryFragment<Sqlite> for Literal<ST> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql(self.sql);
        Ok(())
    }
}

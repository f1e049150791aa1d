//! One statement for many rows that stays prepared however many they are.

use diesel::QueryResult;
use diesel::expression::{
    AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate,
};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;

use super::encoding;

/// That a column of texts is one of a list, whose length may vary: it is bound as one parameter.
pub(super) struct AnyOf<C> {
    column: C,
    list: String,
}

pub(super) fn any_of<C: Expression<SqlType = Text>>(column: C, texts: &[String]) -> AnyOf<C> {
    let list = encoding::text_list(texts);
    AnyOf { column, list }
}

impl<C: Expression> Expression for AnyOf<C> {
    type SqlType = Bool;
}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for AnyOf<C> {}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for AnyOf<C> {}

impl<C: Expression, GB> ValidGrouping<GB> for AnyOf<C> {
    type IsAggregate = is_aggregate::Never;
}

impl<C> QueryId for AnyOf<C> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for AnyOf<C> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(pass.reborrow())?;
        pass.push_sql(" IN (SELECT value FROM json_each(");
        pass.push_bind_param::<Text, _>(&self.list)?;
        pass.push_sql("))");
        Ok(())
    }
}

//! UPDATE statements that stay prepared.

use diesel::expression::AppearsOnTable;
use diesel::query_builder::{AsChangeset, AstPass, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::sql_types::BoolOrNullableBool;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{QueryResult, Table};

/// An UPDATE of the rows that a condition names.
///
/// diesel prepares its own anew at each run, as it cannot know that there are few different
/// ones, and preparing one costs several times what running it does. This one stays prepared,
/// told apart by its text: no list of values whose length varies may be in it.
pub(super) struct Update<F, S, C> {
    from: F,
    set: S,
    condition: C,
}

/// Updates the rows of `table` for which `condition` holds.
pub(super) fn update<T, S, C>(
    table: &T,
    condition: C,
    set: S,
) -> Update<T::FromClause, S::Changeset, C>
where
    T: Table,
    S: AsChangeset<Target = T>,
    C: AppearsOnTable<T>,
    C::SqlType: BoolOrNullableBool,
{
    Update {
        from: table.from_clause(),
        set: set.as_changeset(),
        condition,
    }
}

impl<F, S, C> QueryId for Update<F, S, C> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<F, S, C> QueryFragment<Sqlite> for Update<F, S, C>
where
    F: QueryFragment<Sqlite>,
    S: QueryFragment<Sqlite>,
    C: QueryFragment<Sqlite>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        pass.push_sql("UPDATE ");
        self.from.walk_ast(pass.reborrow())?;
        pass.push_sql(" SET ");
        self.set.walk_ast(pass.reborrow())?;
        pass.push_sql(" WHERE ");
        self.condition.walk_ast(pass)
    }
}

impl<F, S, C> RunQueryDsl<SqliteConnection> for Update<F, S, C> {}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use diesel::connection::InstrumentationEvent;
    use diesel::prelude::*;

    use super::*;
    use crate::sqlite::literal::literal;
    use crate::sqlite::schema::migration::{table, version};

    #[test]
    fn is_prepared_once_and_updates_what_it_says() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        diesel::sql_query("CREATE TABLE __diesel_schema_migrations (version)")
            .execute(&mut connection)
            .unwrap();
        diesel::insert_into(table)
            .values([version.eq("1"), version.eq("2")])
            .execute(&mut connection)
            .unwrap();

        let prepared = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&prepared);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { sql, .. } = event {
                log.lock().unwrap().push(sql.to_owned());
            }
        });
        let mut rename = |from: &str, to: &str| {
            let it = version
                .eq(from)
                .and(literal::<diesel::sql_types::Bool>("1"));
            update(&table, it, version.eq(to)).execute(&mut connection)
        };
        assert_eq!(rename("1", "one"), Ok(1));
        assert_eq!(rename("2", "two"), Ok(1));
        assert_eq!(rename("3", "three"), Ok(0));
        let prepared = prepared.lock().unwrap();
        assert_eq!(prepared.len(), 1, "{prepared:?}");
        assert!(prepared[0].starts_with("UPDATE `__diesel_schema_migrations` SET `version` = ?"));
    }
}

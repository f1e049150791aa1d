//! Rows that cannot be read do not keep the others from being read.

use std::error::Error;
use std::sync::Arc;

use diesel::deserialize::{self, FromSqlRow};
use diesel::dsl::SqlTypeOf;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::DeserializeFieldError;
use diesel::row::Row;
use diesel::sql_types::{SqlType, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, Selectable};

use crate::error::CorruptRow;
use crate::rows::PageKey;

/// A row of a table, and the record that it stands for.
pub(super) trait TableRow: Sized {
    /// The table, as the database names it.
    const TABLE: &'static str;

    type Record;

    /// The record, when every column makes sense.
    fn record(self) -> Result<Self::Record, CorruptRow>;

    /// Id and creation time as they stand.
    fn position(&self) -> (&str, &str);
}

/// A row that was read, or the position of one whose values have the wrong type.
pub(super) enum Read<R> {
    Whole(R),
    Broken {
        id: String,
        created_at: String,
        error: Box<dyn Error + Send + Sync>,
    },
}

/// The columns to select for rows of a type, each of which is loaded as a [`Read`].
pub(super) fn columns<R: Selectable<Sqlite>>() -> Columns<R::SelectExpression> {
    Columns(R::construct_selection())
}

/// Columns that are loaded together, as one value of the SQL type [`Together`].
///
/// A type of our own, as diesel says how its own types are loaded: not at all once a value
/// is bad.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(super) struct Columns<E>(E);

/// See [`Columns`].
#[derive(Debug, Clone, Copy, SqlType)]
#[diesel(sqlite_type(name = "Text"))]
pub(super) struct Together;

impl<E: Expression> Expression for Columns<E> {
    type SqlType = Together;
}

impl<E: SelectableExpression<QS>, QS> SelectableExpression<QS> for Columns<E> {}

impl<E: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for Columns<E> {}

impl<E: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Columns<E> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

/// Every row begins with its id; the creation time follows, where there is one.
impl<R> FromSqlRow<Together, Sqlite> for Read<R>
where
    R: Selectable<Sqlite> + FromSqlRow<SqlTypeOf<R::SelectExpression>, Sqlite>,
{
    fn build_from_row<'a>(row: &impl Row<'a, Sqlite>) -> deserialize::Result<Self> {
        match R::build_from_row(row) {
            Ok(row) => Ok(Self::Whole(row)),
            Err(error) => Ok(Self::Broken {
                id: row.get_value::<Text, _, _>(0)?,
                created_at: row.get_value::<Text, _, _>(1)?,
                error,
            }),
        }
    }
}

impl<R> Read<R> {
    /// The same row, as another one makes it.
    pub(super) fn map<S>(self, make: impl FnOnce(R) -> S) -> Read<S> {
        match self {
            Self::Whole(row) => Read::Whole(make(row)),
            Self::Broken {
                id,
                created_at,
                error,
            } => Read::Broken {
                id,
                created_at,
                error,
            },
        }
    }
}

impl<R: TableRow> Read<R> {
    pub(super) fn record(self) -> Result<R::Record, CorruptRow> {
        match self {
            Self::Whole(row) => row.record(),
            Self::Broken { id, error, .. } => {
                let (column, source) = match error.downcast::<DeserializeFieldError>() {
                    Ok(field) => (field.field_name, field.error),
                    Err(error) => (None, error),
                };
                Err(CorruptRow {
                    table: R::TABLE,
                    id,
                    column: column.map_or("column".into(), Into::into),
                    source: Arc::from(source),
                })
            }
        }
    }

    pub(super) fn key(&self) -> PageKey {
        let (id, created_at) = match self {
            Self::Whole(row) => row.position(),
            Self::Broken { id, created_at, .. } => (id.as_str(), created_at.as_str()),
        };
        PageKey {
            created_at: created_at.to_owned(),
            id: id.to_owned(),
        }
    }
}

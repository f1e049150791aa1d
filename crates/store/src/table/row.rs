//! Rows that cannot be read do not keep the others from being read.

use std::error::Error;
use std::sync::Arc;

use diesel::deserialize::{self, FromSqlRow};
use diesel::dsl::SqlTypeOf;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
#[cfg(feature = "postgres")]
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::DeserializeFieldError;
use diesel::row::Row;
use diesel::sql_types::{SqlType, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, Selectable};

use crate::error::CorruptRow;
use crate::rows::{Page, PageKey};

/// A row of a table, and the record that it stands for.
pub(crate) trait TableRow: Sized {
    /// The table, as the database names it.
    const TABLE: &'static str;

    type Record;

    /// The record, when every column makes sense.
    fn record(self) -> Result<Self::Record, CorruptRow>;

    /// Id and creation time as they stand.
    fn position(&self) -> (&str, &str);
}

/// A row that was read, or the position of one whose values have the wrong type.
pub(crate) enum Read<R> {
    Whole(R),
    Broken {
        id: String,
        created_at: String,
        error: Box<dyn Error + Send + Sync>,
    },
}

/// The columns to select for rows of a type, each of which is loaded as a [`Read`].
pub(crate) fn columns<R: Selectable<Sqlite>>() -> Columns<R::SelectExpression> {
    Columns(R::construct_selection())
}

/// Columns that are loaded together, as one value of the SQL type [`Together`].
///
/// A type of our own, as diesel says how its own types are loaded: not at all once a value
/// is bad.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
pub(crate) struct Columns<E>(E);

/// See [`Columns`].
#[derive(Debug, Clone, Copy, SqlType)]
#[diesel(sqlite_type(name = "Text"))]
#[cfg_attr(
    feature = "postgres",
    diesel(postgres_type(oid = 25, array_oid = 1009))
)]
pub(crate) struct Together;

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
macro_rules! is_read_on {
    ($backend:ty) => {
        impl<R> FromSqlRow<Together, $backend> for Read<R>
        where
            R: Selectable<$backend> + FromSqlRow<SqlTypeOf<R::SelectExpression>, $backend>,
        {
            fn build_from_row<'a>(row: &impl Row<'a, $backend>) -> deserialize::Result<Self> {
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
    };
}
is_read_on!(Sqlite);
#[cfg(feature = "postgres")]
is_read_on!(Pg);

impl<R> Read<R> {
    /// The same row, as another one makes it.
    pub(crate) fn map<S>(self, make: impl FnOnce(R) -> S) -> Read<S> {
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
    pub(crate) fn record(self) -> Result<R::Record, CorruptRow> {
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

    pub(crate) fn key(&self) -> PageKey {
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

/// The records of a page; full pages have a next one.
pub(crate) fn page<R: TableRow>(rows: Vec<Read<R>>, limit: u32) -> Page<R::Record> {
    let full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
    Page {
        next: rows.last().filter(|_| full).map(Read::key),
        rows: rows.into_iter().map(Read::record).collect(),
    }
}

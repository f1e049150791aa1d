//! Texts as the columns hold them.
//!
//! A text of a record can hold anything, a NUL with it: what a program has written, say.
//! SQLite keeps that as it is. PostgreSQL keeps no NUL in texts nor in JSON, so there it stands
//! as a mark and a `0`, and the mark itself as mark and a `1`.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
#[cfg(feature = "postgres")]
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::{Sqlite, SqliteValue};
use serde::Serialize;

#[cfg(feature = "postgres")]
use super::mark;

/// A text as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub(crate) struct PlainText(pub(crate) String);

/// A value as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub(crate) struct JsonText(pub(crate) String);

macro_rules! stands_in_a_column {
    ($text:ident, $of_postgres:ident) => {
        impl ToSql<Text, Sqlite> for $text {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.0.as_str());
                Ok(IsNull::No)
            }
        }

        impl FromSql<Text, Sqlite> for $text {
            fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                FromSql::<Text, Sqlite>::from_sql(value).map(Self)
            }
        }

        #[cfg(feature = "postgres")]
        impl FromSql<Text, Pg> for $text {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                let text: String = FromSql::<Text, Pg>::from_sql(value)?;
                Ok(Self(mark::$of_postgres(text)))
            }
        }
    };
}
stands_in_a_column!(PlainText, unmarked);
stands_in_a_column!(JsonText, unmarked_json);

//! Statements as text, with their parameters.
//!
//! What is written here is written for many rows at once, by statements that diesel's language
//! has no words for. diesel still binds their parameters, keeps them prepared (told apart by
//! their text), and reads their rows.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_dsl::methods::{ExecuteDsl, LoadQuery};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::session::Session;
use crate::table::marked;

/// A statement whose rows have the SQL type `ST`.
pub(super) struct Sql<ST = ()> {
    text: Cow<'static, str>,
    parameters: Vec<Parameter>,
    row: PhantomData<ST>,
}

/// What stands in the place of a `?`.
#[derive(Debug, Clone)]
pub(super) enum Parameter {
    Text(String),
    Integer(i64),
    Texts(Vec<Option<String>>),
    Integers(Vec<Option<i64>>),
    Booleans(Vec<bool>),
}

impl Parameter {
    /// A text of a record, or what has no unusual character at all, such as an id or a time.
    pub(super) fn text(text: &str) -> Self {
        Self::Text(marked(text).into_owned())
    }

    /// A text for each row.
    pub(super) fn texts<T: AsRef<str>>(texts: impl Iterator<Item = Option<T>>) -> Self {
        Self::Texts(
            texts
                .map(|text| text.map(|text| marked(text.as_ref()).into_owned()))
                .collect(),
        )
    }
}

/// A statement with `?` in the places of its parameters, and no other question mark.
pub(super) fn sql<ST>(text: impl Into<Cow<'static, str>>, parameters: Vec<Parameter>) -> Sql<ST> {
    Sql {
        text: text.into(),
        parameters,
        row: PhantomData,
    }
}

impl<ST> QueryId for Sql<ST> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Sql<ST> {
    type SqlType = ST;
}

impl<ST> RunQueryDsl<PgConnection> for Sql<ST> {}

impl<ST> Sql<ST> {
    /// All rows.
    pub(super) fn load<'query, U>(self, session: &mut Session) -> QueryResult<Vec<U>>
    where
        Self: LoadQuery<'query, PgConnection, U>,
    {
        RunQueryDsl::load(self.on(session), &mut **session)
    }

    /// The first row.
    pub(super) fn get_result<'query, U>(self, session: &mut Session) -> QueryResult<U>
    where
        Self: LoadQuery<'query, PgConnection, U>,
    {
        RunQueryDsl::get_result(self.on(session), &mut **session)
    }

    /// How many rows it wrote.
    pub(super) fn execute(self, session: &mut Session) -> QueryResult<usize>
    where
        Self: ExecuteDsl<PgConnection>,
    {
        RunQueryDsl::execute(self.on(session), &mut **session)
    }

    fn on(mut self, session: &Session) -> Self {
        if let Some(text) = session.text(&self.text) {
            self.text = Cow::Owned(text);
        }
        self
    }
}

impl<ST> QueryFragment<Pg> for Sql<ST> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut pieces = self.text.split('?');
        if let Some(first) = pieces.next() {
            pass.push_sql(first);
        }
        for (parameter, piece) in self.parameters.iter().zip(pieces) {
            match parameter {
                Parameter::Text(text) => pass.push_bind_param::<Text, _>(text)?,
                Parameter::Integer(number) => pass.push_bind_param::<BigInt, _>(number)?,
                Parameter::Texts(texts) => {
                    pass.push_bind_param::<Array<Nullable<Text>>, _>(texts)?;
                }
                Parameter::Integers(numbers) => {
                    pass.push_bind_param::<Array<Nullable<BigInt>>, _>(numbers)?;
                }
                Parameter::Booleans(booleans) => {
                    pass.push_bind_param::<Array<Bool>, _>(booleans)?;
                }
            }
            pass.push_sql(piece);
        }
        Ok(())
    }
}

//! Whose database it is.

use std::sync::Arc;

use diesel::QueryResult;
use diesel::sql_types::{Nullable, Text};

use super::foreign;
use super::migration::{self, Progress};
use super::session::Session;
use super::sql::{Parameter, Sql, sql};
use crate::table::schema::names;

/// Whose database it is.
pub(super) enum Kind {
    /// A ledger of our own, or one that is to be made.
    Own,
    /// Another program's, with the tables of a ledger: what stands for ours.
    Foreign(Arc<str>),
    /// Anything else: the first table of a ledger that it does not have.
    NoLedger(&'static str),
}

const TABLES: [&str; 4] = [
    names::MACHINE,
    names::INTERFACE,
    names::BINARY,
    names::PROCESS,
];

/// Looks at the tables first: where another process is making a ledger, they are there no sooner
/// than the migration is recorded that made them.
pub(super) fn of(session: &mut Session) -> QueryResult<Kind> {
    let found = found(session, &TABLES)?;
    let progress = migration::progress(session)?;
    let is_empty = found.iter().all(Option::is_none);
    match progress {
        Progress::Begun(_) => return Ok(Kind::Own),
        Progress::Nothing if is_empty => return Ok(Kind::Own),
        Progress::Nothing | Progress::OfAnother => {}
    }
    let found = TABLES.into_iter().zip(found);
    let mut tables = Vec::new();
    for (name, table) in found {
        match table {
            Some(table) => tables.push((name, table)),
            None => return Ok(Kind::NoLedger(name)),
        }
    }
    let attempts = self::found(session, &[names::ATTEMPT])?.pop().flatten();
    tables.extend(attempts.map(|table| (names::ATTEMPT, table)));
    Ok(Kind::Foreign(foreign::tables(session, &tables)?.into()))
}

/// The tables of these names that a session sees, with their schemas.
fn found(session: &mut Session, names: &[&str]) -> QueryResult<Vec<Option<String>>> {
    let query: Sql<Nullable<Text>> = sql(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
         FROM unnest(?) WITH ORDINALITY AS given (name, number)
         LEFT JOIN pg_class c ON c.oid = to_regclass(given.name)
         LEFT JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY given.number",
        vec![Parameter::texts(names.iter().map(Some))],
    );
    query.load(session)
}

//! Reading binaries, from tables with our columns and without.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use hostledger_model::{BinaryId, BinaryStatus, MachineId};

use crate::claim::BinariesMark;
use crate::rows::PageKey;
use crate::sqlite::literal::literal;
use crate::sqlite::process::Columns;
use crate::table::row::{Read, columns};
use crate::table::schema::binary;
use crate::table::{BinaryBaseRow, BinaryRow};

diesel::define_sql_function! {
    /// SQLite's own: lowers ASCII letters and leaves all others alone.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

type Query<'q> = binary::BoxedQuery<'q, Sqlite>;

/// Installed rows of older writers say `succeeded`.
const INSTALLED: [&str; 2] = [BinaryStatus::Installed.as_str(), "succeeded"];

fn load(
    connection: &mut SqliteConnection,
    which: Columns,
    query: Query<'_>,
) -> QueryResult<Vec<Read<BinaryRow>>> {
    match which {
        Columns::All => query.select(columns::<BinaryRow>()).load(connection),
        Columns::Base => {
            let rows: Vec<Read<BinaryBaseRow>> =
                query.select(columns::<BinaryBaseRow>()).load(connection)?;
            Ok(rows
                .into_iter()
                .map(|row| row.map(BinaryRow::from))
                .collect())
        }
    }
}

pub(in crate::sqlite) fn by_id(
    connection: &mut SqliteConnection,
    columns: Columns,
    id: BinaryId,
) -> QueryResult<Option<Read<BinaryRow>>> {
    let query = binary::table
        .filter(binary::id.eq(id.simple()))
        .into_boxed();
    Ok(load(connection, columns, query)?.pop())
}

pub(in crate::sqlite) fn by_name(
    connection: &mut SqliteConnection,
    columns: Columns,
    machine: MachineId,
    name: &str,
) -> QueryResult<Option<Read<BinaryRow>>> {
    let query = named(machine, name).filter(binary::name.eq(name.to_owned()));
    latest(connection, columns, query)
}

pub(in crate::sqlite) fn valid_by_name(
    connection: &mut SqliteConnection,
    columns: Columns,
    machine: MachineId,
    name: &str,
) -> QueryResult<Option<Read<BinaryRow>>> {
    latest(connection, columns, valid(named(machine, name)))
}

pub(in crate::sqlite) fn valid_by_path(
    connection: &mut SqliteConnection,
    columns: Columns,
    machine: MachineId,
    abspath: &str,
) -> QueryResult<Option<Read<BinaryRow>>> {
    let query = binary::table
        .filter(binary::machine_id.eq(machine.simple()))
        .filter(binary::abspath.eq(abspath.to_owned()))
        .into_boxed();
    latest(connection, columns, valid(query))
}

pub(in crate::sqlite) fn all_valid(
    connection: &mut SqliteConnection,
    columns: Columns,
    machine: MachineId,
) -> QueryResult<Vec<Read<BinaryRow>>> {
    let query = binary::table
        .filter(binary::machine_id.eq(machine.simple()))
        .into_boxed();
    let query = valid(query).order((binary::modified_at.desc(), binary::id.desc()));
    load(connection, columns, query)
}

/// What tells whether any of these has come, gone or changed.
pub(in crate::sqlite) fn mark(
    connection: &mut SqliteConnection,
    machine: MachineId,
) -> QueryResult<BinariesMark> {
    let all: Vec<(String, String)> = binary::table
        .filter(literal::<diesel::sql_types::Bool>(
            "status IN ('installed', 'succeeded')",
        ))
        .filter(binary::machine_id.eq(machine.simple()))
        .select((binary::id, binary::modified_at))
        .load(connection)?;
    let sum = all
        .iter()
        .map(|row| BuildHasherDefault::<DefaultHasher>::new().hash_one(row));
    let sum = sum.fold(0, u64::wrapping_add);
    Ok(BinariesMark::of(all.len() as i64, Some(sum.to_string())))
}

/// Those that are not final, in the order in which they are due.
pub(in crate::sqlite) fn pending(
    connection: &mut SqliteConnection,
    columns: Columns,
    machine: MachineId,
) -> QueryResult<Vec<Read<BinaryRow>>> {
    let query = binary::table
        .filter(literal::<diesel::sql_types::Bool>(
            "status IN ('queued', 'started')",
        ))
        .filter(binary::machine_id.eq(machine.simple()))
        .order((binary::retry_at, binary::created_at, binary::id))
        .into_boxed();
    load(connection, columns, query)
}

pub(in crate::sqlite) fn page(
    connection: &mut SqliteConnection,
    columns: Columns,
    after: Option<&PageKey>,
    limit: u32,
) -> QueryResult<Vec<Read<BinaryRow>>> {
    let mut query = binary::table.into_boxed();
    // Both conditions on the time, as the first alone lets an index be used.
    if let Some(key) = after {
        let later = binary::created_at.gt(&key.created_at);
        query = query
            .filter(binary::created_at.ge(&key.created_at))
            .filter(later.or(binary::id.gt(&key.id)));
    }
    let query = query
        .order((binary::created_at, binary::id))
        .limit(limit.into());
    load(connection, columns, query)
}

/// Whatever the case of the name's ASCII letters.
fn named<'q>(machine: MachineId, name: &str) -> Query<'q> {
    binary::table
        .filter(lower(binary::name).eq(name.to_ascii_lowercase()))
        .filter(binary::machine_id.eq(machine.simple()))
        .into_boxed()
}

fn valid(query: Query<'_>) -> Query<'_> {
    query
        .filter(binary::abspath.ne(""))
        .filter(binary::status.eq_any(INSTALLED))
}

fn latest(
    connection: &mut SqliteConnection,
    columns: Columns,
    query: Query<'_>,
) -> QueryResult<Option<Read<BinaryRow>>> {
    let query = query
        .order((binary::modified_at.desc(), binary::id.desc()))
        .limit(1);
    Ok(load(connection, columns, query)?.pop())
}

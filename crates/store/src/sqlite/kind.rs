//! Whose database it is.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::catalog::{schema_object, table_column};
use super::process::Columns;
use super::schema::{binary, names, process};

/// 'HLDG', which our first migration writes into the file's header.
const APPLICATION_ID: i64 = 0x484C_4447;

/// Whose database it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A ledger of our own, or one that is to be made.
    Own,
    /// Another program's, with the tables of a ledger.
    Foreign(Columns),
    /// Anything else: the first table of a ledger that it does not have.
    NoLedger(&'static str),
}

/// Looks at one moment of the database: another program may be making it.
pub(super) fn of(connection: &mut SqliteConnection) -> QueryResult<Kind> {
    connection.transaction(look)
}

fn look(connection: &mut SqliteConnection) -> QueryResult<Kind> {
    let id = sql::<BigInt>("(SELECT application_id FROM pragma_application_id)");
    if diesel::select(id).get_result::<i64>(connection)? == APPLICATION_ID {
        return Ok(Kind::Own);
    }
    let tables: Vec<String> = schema_object::table
        .filter(schema_object::kind.eq("table"))
        .filter(schema_object::name.not_like("sqlite\\_%").escape('\\'))
        .select(schema_object::name)
        .load(connection)?;
    if tables.is_empty() {
        return Ok(Kind::Own);
    }
    let expected = [
        names::MACHINE,
        names::INTERFACE,
        names::BINARY,
        names::PROCESS,
    ];
    match expected
        .into_iter()
        .find(|name| !tables.iter().any(|table| table == name))
    {
        Some(missing) => Ok(Kind::NoLedger(missing)),
        None => columns(connection).map(Kind::Foreign),
    }
}

/// Our columns are there together or not at all: the one added last to each table stands for
/// them.
fn columns(connection: &mut SqliteConnection) -> QueryResult<Columns> {
    let last_columns = [
        (names::PROCESS, process::secret_batch::NAME),
        (names::BINARY, binary::reasons::NAME),
    ];
    for (table, column) in last_columns {
        let last = table_column::table
            .filter(table_column::table_name.eq(table))
            .filter(table_column::name.eq(column));
        if !diesel::select(diesel::dsl::exists(last)).get_result(connection)? {
            return Ok(Columns::Base);
        }
    }
    Ok(Columns::All)
}

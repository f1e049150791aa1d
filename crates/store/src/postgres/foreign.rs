//! Another program's tables, seen as if they were a ledger's.
//!
//! Its columns can have other types (Django's: `varchar`, `integer`, `inet`), and ours are
//! missing. A query for each table says the difference, so that all statements that read are the
//! same.

use diesel::QueryResult;
use diesel::sql_types::Text;

use super::projection::{ATTEMPT, BINARY, Columns, INTERFACE, MACHINE, PROCESS, Type, type_of};
use super::session::Session;
use super::sql::{Parameter, Sql, sql};
use crate::table::schema::names;

/// Columns of our own that are numbers.
const NUMBERS: &[&str] = &[
    "pid",
    "exit_code",
    "number",
    "pid_namespace",
    "start_ticks",
    "pidfd_inode",
    "timeout_ms",
    "stdout_bytes",
    "stderr_bytes",
    "stdout_dropped",
    "stderr_dropped",
    "cpu_user_us",
    "cpu_system_us",
    "max_rss_kib",
    "block_inputs",
    "block_outputs",
    "voluntary_switches",
    "involuntary_switches",
];

/// Columns of our own that are texts.
const TEXTS: &[&str] = &[
    "boot_id",
    "outcome",
    "stop_by",
    "kill_mode",
    "log",
    "min_version",
];

/// What is always missing: nobody else has owners.
const OWNERS: &str = "hostledger_owner AS (SELECT NULL::uuid AS id, NULL::uuid AS machine_id,
    NULL::text AS data_dir, NULL::text AS mark, NULL::timestamptz AS started_at,
    NULL::timestamptz AS seen_at WHERE false)";

/// The queries that stand for the tables of a ledger, for the `WITH` of a statement.
pub(super) fn tables(session: &mut Session, found: &[(&str, String)]) -> QueryResult<String> {
    let mut queries = vec![OWNERS.to_owned()];
    let wanted: [(&str, &Columns); 5] = [
        (names::MACHINE, &MACHINE),
        (names::INTERFACE, &INTERFACE),
        (names::BINARY, &BINARY),
        (names::PROCESS, &PROCESS),
        (names::ATTEMPT, &ATTEMPT),
    ];
    for (name, columns) in wanted {
        let table = found.iter().find(|(found, _)| *found == name);
        let there = match table {
            Some((_, table)) => columns_of(session, table)?,
            None => Vec::new(),
        };
        let from = table.map_or("WHERE false".to_owned(), |(_, table)| {
            format!("FROM {table}")
        });
        let columns: Vec<_> = columns
            .names()
            .map(|column| {
                let there = there.iter().find(|(name, _)| name == column);
                let given = match there {
                    Some((_, given)) => converted(column, given),
                    None => absent(name, column, table.is_none()),
                };
                format!("{given} AS {column}")
            })
            .collect();
        let columns = columns.join(", ");
        // Read into the statement, as a view would be: or no index is used.
        queries.push(format!(
            "{name} AS NOT MATERIALIZED (SELECT {columns} {from})"
        ));
    }
    Ok(queries.join(", "))
}

/// The columns of a table and their types.
fn columns_of(session: &mut Session, table: &str) -> QueryResult<Vec<(String, String)>> {
    let query: Sql<(Text, Text)> = sql(
        "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
         WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped",
        vec![Parameter::text(table)],
    );
    query.load(session)
}

/// A column as a ledger has it.
fn converted(column: &str, given: &str) -> String {
    match (type_of(column), given) {
        (_, "inet" | "cidr") => format!("host({column})"),
        (Type::Id, "uuid") | (Type::Json, "jsonb") | (Type::Bytes, _) => column.to_owned(),
        (Type::Time, "timestamp without time zone") => format!("{column} AT TIME ZONE 'UTC'"),
        (Type::Time, _) => column.to_owned(),
        (Type::Id, _) => format!("{column}::text::uuid"),
        (Type::Json, _) => format!("{column}::text::jsonb"),
        (Type::Other, "boolean" | "bigint") => column.to_owned(),
        (Type::Other, "smallint" | "integer") if column != "stop_signal" => {
            format!("{column}::bigint")
        }
        (Type::Other, "integer") => column.to_owned(),
        (Type::Other, _) => format!("{column}::text"),
    }
}

/// What stands for a column that is missing. One that every ledger has is asked for all the
/// same: the server says that it is not there.
fn absent(table: &str, column: &str, whole: bool) -> String {
    let is_text = TEXTS.contains(&column) || (table, column) == (names::PROCESS, "name");
    let of_type = match type_of(column) {
        Type::Id => "NULL::uuid",
        Type::Time => "NULL::timestamptz",
        Type::Json => "NULL::jsonb",
        Type::Bytes => "NULL::bytea",
        Type::Other => match column {
            "attempt" => "1::bigint",
            "max_attempts" if table == names::PROCESS => "1::bigint",
            // Of a binary: as many as it takes.
            "max_attempts" => "NULL::bigint",
            "detached" | "retry_lost" => "false",
            "stop_signal" => "NULL::integer",
            _ if NUMBERS.contains(&column) => "NULL::bigint",
            _ if is_text || whole => "NULL::text",
            _ => return column.to_owned(),
        },
    };
    of_type.to_owned()
}

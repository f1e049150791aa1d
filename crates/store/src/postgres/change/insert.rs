//! New rows, by one statement for any number of them.

use diesel::QueryResult;
use diesel::sql_types::Text;
use hostledger_model::{InterfaceId, NetworkInterface, Process, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::postgres::projection::{Columns, INTERFACE, PROCESS, json_rows};
use crate::postgres::session::Session;
use crate::postgres::sql::{Parameter, Sql, sql};
use crate::table::{InterfaceRow, ProcessRow, encoding};

pub(super) fn processes<'p>(
    connection: &mut Session,
    processes: impl Iterator<Item = &'p Process>,
) -> QueryResult<()> {
    let rows = json_rows(processes.map(ProcessRow::from));
    rows_of(connection, "machine_process", &PROCESS, rows)
}

pub(super) fn row<R: Serialize>(
    connection: &mut Session,
    table: &str,
    columns: &Columns,
    row: &R,
) -> QueryResult<()> {
    rows_of(connection, table, columns, json_rows([row].into_iter()))
}

fn rows_of(
    connection: &mut Session,
    table: &str,
    columns: &Columns,
    rows: Parameter,
) -> QueryResult<()> {
    sql::<()>(insertion(table, columns), vec![rows])
        .execute(connection)
        .map(|_| ())
}

fn insertion(table: &str, columns: &Columns) -> String {
    let list = columns.list();
    let given = columns.given(table);
    format!("INSERT INTO {table} ({list}) {given}")
}

/// Inserts an interface, or updates the one of the same fingerprint: which row it is.
pub(super) fn or_update_interface(
    connection: &mut Session,
    interface: &NetworkInterface,
    now: Timestamp,
) -> QueryResult<InterfaceId> {
    let assignments: Vec<_> = INTERFACE
        .detected()
        .map(|name| format!("{name} = EXCLUDED.{name}"))
        .collect();
    let text = format!(
        "{} ON CONFLICT (machine_id, ip_public, ip_local, mac_address, dns_server)
         DO UPDATE SET {}, modified_at = ?::timestamptz RETURNING id::text",
        insertion("machine_networkinterface", &INTERFACE),
        assignments.join(", ")
    );
    let parameters = vec![
        json_rows([InterfaceRow::from(interface)].into_iter()),
        Parameter::text(&encoding::time(now)),
    ];
    let query: Sql<Text> = sql(text, parameters);
    let id: String = query.get_result(connection)?;
    Ok(id.parse::<Uuid>().map_or(interface.id, InterfaceId::from))
}

//! Changes of machines, and of whole records.

use diesel::QueryResult;
use hostledger_model::{MachineFacts, MachineId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::postgres::projection::{Columns, MACHINE, json_rows, json_value};
use crate::postgres::session::Session;
use crate::postgres::sql::{Parameter, sql};
use crate::table::{MachineFactsRow, encoding};

pub(super) fn facts(
    connection: &mut Session,
    id: MachineId,
    facts: &MachineFacts,
    now: Timestamp,
) -> QueryResult<bool> {
    let row = MachineFactsRow::from(facts);
    from_row(
        connection,
        "machine_machine",
        &MACHINE,
        &id.simple(),
        &row,
        now,
    )
}

/// Writes what is neither identity nor health.
pub(super) fn from_row<R: Serialize>(
    connection: &mut Session,
    table: &str,
    columns: &Columns,
    id: &str,
    row: &R,
    now: Timestamp,
) -> QueryResult<bool> {
    let assignments: Vec<_> = columns
        .detected()
        .map(|name| format!("{name} = n.{name}"))
        .collect();
    let text = format!(
        "UPDATE {table} r SET {}, modified_at = ?::timestamptz
         FROM ({}) n WHERE r.id = ?::uuid",
        assignments.join(", "),
        columns.given(table)
    );
    let parameters = vec![
        Parameter::text(&encoding::time(now)),
        json_rows([row].into_iter()),
        Parameter::text(id),
    ];
    let rows = sql::<()>(text, parameters).execute(connection)?;
    Ok(rows > 0)
}

/// Compares what was read as JSON.
pub(super) fn config(
    connection: &mut Session,
    id: MachineId,
    read: Option<&Value>,
    config: &Map<String, Value>,
    now: Timestamp,
) -> QueryResult<bool> {
    let mut parameters = vec![
        json_value(&Value::Object(config.clone())),
        Parameter::text(&encoding::time(now)),
        Parameter::text(&id.simple()),
    ];
    let unchanged = match read {
        None => "config IS NULL",
        Some(value) => {
            parameters.push(json_value(value));
            "config = ?::jsonb"
        }
    };
    let text = format!(
        "UPDATE machine_machine SET config = ?::jsonb, modified_at = ?::timestamptz
         WHERE id = ?::uuid AND {unchanged}"
    );
    let rows = sql::<()>(text, parameters).execute(connection)?;
    Ok(rows > 0)
}

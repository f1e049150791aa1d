//! Rows between PostgreSQL's types and the form in which every engine's rows are read.
//!
//! The columns keep their native types; ids, times and JSON are asked for as the texts that
//! stand in them on SQLite, and given as JSON objects, which the server reads into rows by the
//! types of its columns. So there is one account of every row, in [`crate::table`].

use std::sync::LazyLock;

use diesel::Selectable;
use diesel::query_builder::QueryFragment;
use diesel::sqlite::Sqlite;
use serde::Serialize;
use serde_json::{Map, Value};

use super::sql::Parameter;
use crate::table::{AttemptRow, BinaryRow, InterfaceRow, MachineRow, ProcessRow, encoding, marked};

/// Columns of the type uuid, in any table.
const IDS: &[&str] = &[
    "id",
    "machine_id",
    "parent_id",
    "binary_id",
    "iface_id",
    "process_id",
    "owner",
    "secret_batch",
    "restart_of",
];

/// Columns of the type timestamptz, in any table. Sessions have the time zone UTC.
const TIMES: &[&str] = &[
    "created_at",
    "modified_at",
    "started_at",
    "ended_at",
    "retry_at",
    "stop_at",
];

/// Columns of the type jsonb, in any table.
const JSON: &[&str] = &[
    "stats",
    "config",
    "overrides",
    "cmd",
    "env",
    "launch",
    "secret_env",
    "reasons",
];

/// Those of them that can hold JSON's null, which is not NULL.
const MAY_BE_NULL: &[&str] = &["stats", "config", "overrides"];

/// Columns of the type bytea, in any table.
const BYTES: &[&str] = &["raw_cmd", "raw_pwd"];

/// Columns that an update of a whole record leaves as they are, or sets by itself.
const KEPT: &[&str] = &[
    "id",
    "machine_id",
    "created_at",
    "modified_at",
    "num_uses_succeeded",
    "num_uses_failed",
    "config",
];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Id,
    Time,
    Json,
    Bytes,
    Other,
}

/// What a column holds, in any table.
pub(super) fn type_of(column: &str) -> Type {
    [
        (IDS, Type::Id),
        (TIMES, Type::Time),
        (JSON, Type::Json),
        (BYTES, Type::Bytes),
    ]
    .into_iter()
    .find(|(columns, _)| columns.contains(&column))
    .map_or(Type::Other, |(_, it)| it)
}

/// The columns of a row type.
pub(super) struct Columns {
    names: Vec<String>,
    /// What to select, of a table that is called `r`.
    pub(super) selection: String,
}

pub(super) static MACHINE: LazyLock<Columns> = LazyLock::new(Columns::of::<MachineRow>);
pub(super) static INTERFACE: LazyLock<Columns> = LazyLock::new(Columns::of::<InterfaceRow>);
pub(super) static BINARY: LazyLock<Columns> = LazyLock::new(Columns::of::<BinaryRow>);
pub(super) static PROCESS: LazyLock<Columns> = LazyLock::new(Columns::of::<ProcessRow>);
pub(super) static ATTEMPT: LazyLock<Columns> = LazyLock::new(Columns::of::<AttemptRow>);

impl Columns {
    /// In the order in which the row type is read, which it knows itself.
    fn of<R>() -> Self
    where
        R: Selectable<Sqlite>,
        R::SelectExpression: QueryFragment<Sqlite>,
    {
        let selected = diesel::debug_query::<Sqlite, _>(&R::construct_selection()).to_string();
        let names: Vec<String> = selected
            .split('`')
            .skip(3)
            .step_by(4)
            .map(str::to_owned)
            .collect();
        let selection: Vec<_> = names.iter().map(|name| as_text(name)).collect();
        Self {
            selection: selection.join(", "),
            names,
        }
    }

    /// The names of what is neither identity nor health, nor the configuration of a machine.
    pub(super) fn detected(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().map(String::as_str);
        names.filter(|name| !KEPT.contains(name))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The names alone.
    pub(super) fn list(&self) -> String {
        self.names.join(", ")
    }

    /// A query for the rows of [`json_rows`] with their columns in the order of [`list`](Self::list).
    pub(super) fn given(&self, table: &str) -> String {
        let columns: Vec<_> = self
            .names
            .iter()
            .map(|name| {
                if MAY_BE_NULL.contains(&name.as_str()) {
                    format!("(given -> '{name}')::jsonb AS {name}")
                } else {
                    format!("r.{name}")
                }
            })
            .collect();
        format!(
            "SELECT {} FROM json_array_elements(?::json) AS given,
                 json_populate_record(NULL::{table}, given) AS r",
            columns.join(", ")
        )
    }
}

/// A column of `r` in the form that its row type reads.
fn as_text(name: &str) -> String {
    if IDS.contains(&name) {
        format!("encode(uuid_send(r.{name}), 'hex')")
    } else if TIMES.contains(&name) {
        format!("to_char(r.{name}, 'YYYY-MM-DD HH24:MI:SS.US')")
    } else if JSON.contains(&name) {
        format!("r.{name}::text")
    } else {
        format!("r.{name}")
    }
}

/// Rows for [`Columns::given`]; what is NULL is left out.
pub(super) fn json_rows<R: Serialize>(rows: impl Iterator<Item = R>) -> Parameter {
    let rows: Vec<Value> = rows.map(|row| json_row(&row)).collect();
    Parameter::Text(encoding::json(&rows))
}

/// A value of a jsonb column.
pub(super) fn json_value(value: &Value) -> Parameter {
    let mut value = value.clone();
    mark(&mut value);
    Parameter::Text(value.to_string())
}

/// The same, of a text that is JSON; one that is not stays as it is.
pub(super) fn json_text(text: &str) -> Parameter {
    serde_json::from_str(text).map_or_else(|_| Parameter::text(text), |value| json_value(&value))
}

fn json_row<R: Serialize>(row: &R) -> Value {
    let Ok(Value::Object(mut columns)) = serde_json::to_value(row) else {
        // A row is a struct of texts, numbers and bytes.
        return Value::Object(Map::new());
    };
    columns.retain(|_, value| !value.is_null());
    for (name, value) in &mut columns {
        if JSON.contains(&name.as_str()) {
            // A text that is no JSON would be refused by the column.
            if let Value::String(text) = value {
                *value = serde_json::from_str(text).unwrap_or(Value::Null);
            }
        } else if BYTES.contains(&name.as_str())
            && let Value::Array(bytes) = value
        {
            *value = Value::String(hex(bytes));
        }
        mark(value);
    }
    Value::Object(columns)
}

/// Bytes as the input of a bytea.
fn hex(bytes: &[Value]) -> String {
    let mut text = String::from("\\x");
    for byte in bytes.iter().filter_map(Value::as_u64) {
        // Writing to a text does not fail.
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
    }
    text
}

/// Marks the NULs in all texts of a value.
fn mark(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(marked) = marked(text) {
                *text = marked;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mark),
        Value::Object(members) => {
            members.values_mut().for_each(mark);
            if members
                .keys()
                .any(|key| matches!(marked(key), std::borrow::Cow::Owned(_)))
            {
                *members = std::mem::take(members)
                    .into_iter()
                    .map(|(key, value)| (marked(&key).into_owned(), value))
                    .collect();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_selected_in_the_order_of_their_row_type() {
        assert!(
            INTERFACE
                .list()
                .starts_with("id, created_at, modified_at, num_uses")
        );
        assert!(MACHINE.list().ends_with("os_kernel, stats, config"));
        assert!(
            ATTEMPT
                .list()
                .starts_with("process_id, number, pid, boot_id")
        );
        assert!(
            PROCESS.selection.contains("r.boot_id, "),
            "no uuid: it is text"
        );
        assert!(
            PROCESS
                .selection
                .contains("encode(uuid_send(r.owner), 'hex'), ")
        );
        assert!(BINARY.selection.contains("r.overrides::text, "));
    }

    #[test]
    fn a_row_is_an_object_with_json_and_bytes_in_their_places() {
        #[derive(Serialize)]
        struct Row {
            id: &'static str,
            cmd: &'static str,
            raw_cmd: Option<Vec<u8>>,
        }
        let row = Row {
            id: "a\0",
            cmd: r#"["x\u0000"]"#,
            raw_cmd: Some(vec![0, 255]),
        };
        let expected = serde_json::json!(
            {"id": "a\u{10FFFF}0", "cmd": ["x\u{10FFFF}0"], "raw_cmd": "\\x00ff"});
        assert_eq!(json_row(&row), expected);
    }
}

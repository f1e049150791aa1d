//! One line of a stream of records.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::machine::config_patch;
use super::{BinaryInput, BinaryRecord, InterfaceRecord, ProcessRecord, RecordType, Refusal};

/// What one line of a stream is.
#[derive(Debug)]
pub enum Line {
    /// Nothing, or a comment that starts with `#`: to be skipped.
    Blank,
    /// Something that is no JSON object: to be passed over and counted, or refused where
    /// every line has to be a record.
    NotAnObject(NotAnObject),
    /// A record of somebody else's. To pass it on untouched, pass the line itself on.
    Unknown {
        /// Its `type`.
        record_type: String,
        /// The object.
        value: Value,
    },
    /// A record of ours.
    Record(Record),
    /// An object that should be a record of ours and is none.
    Refused {
        /// Why, and what would help.
        reason: Refusal,
    },
}

/// Why a line is no JSON object.
#[derive(Debug, thiserror::Error)]
pub enum NotAnObject {
    /// It is not JSON; the source says where it goes wrong.
    #[error("the line is not JSON")]
    Syntax(#[source] serde_json::Error),
    /// It is other JSON.
    #[error("the line is {found}, not a JSON object")]
    Other {
        /// What it is, such as `a list`.
        found: &'static str,
    },
}

/// A record that was read, checked as far as it can be without a ledger.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// Keys to merge into the configuration of the current machine; nothing else is taken.
    Machine {
        /// The patch, not sanitised yet.
        config: Map<String, Value>,
    },
    /// A network interface, whole.
    NetworkInterface(Box<InterfaceRecord>),
    /// A binary: asked for, or installed.
    Binary(Box<BinaryInput>),
    /// A process: one that is known, or one to be queued.
    Process(Box<ProcessRecord>),
}

/// Reads one line, without fail: what is wrong with it is said by what comes back.
#[must_use]
pub fn parse_line(line: &str) -> Line {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Line::Blank;
    }
    match serde_json::from_str(line) {
        Ok(Value::Object(object)) => interpret(object),
        Ok(other) => Line::NotAnObject(NotAnObject::Other {
            found: kind(&other),
        }),
        Err(source) => Line::NotAnObject(NotAnObject::Syntax(source)),
    }
}

/// Reads an object that was parsed already; the answer is never [`Line::Blank`] or
/// [`Line::NotAnObject`].
#[must_use]
pub fn interpret(object: Map<String, Value>) -> Line {
    let record_type = match object.get("type") {
        Some(Value::String(text)) => text.clone(),
        // The older form of a machine's patch does without.
        None if object.contains_key("_method") => RecordType::Machine.as_str().to_owned(),
        _ => {
            return Line::Refused {
                reason: Refusal::NoType,
            };
        }
    };
    let Ok(known) = record_type.parse::<RecordType>() else {
        return Line::Unknown {
            record_type,
            value: Value::Object(object),
        };
    };
    match read(known, object) {
        Ok(record) => Line::Record(record),
        Err(reason) => Line::Refused { reason },
    }
}

fn read(record_type: RecordType, object: Map<String, Value>) -> Result<Record, Refusal> {
    Ok(match record_type {
        RecordType::Machine => Record::Machine {
            config: config_patch(object)?,
        },
        RecordType::NetworkInterface => {
            Record::NetworkInterface(Box::new(fields(record_type, object)?))
        }
        RecordType::Binary | RecordType::BinaryRequest => {
            let record: BinaryRecord = fields(record_type, object)?;
            Record::Binary(Box::new(BinaryInput::try_from(record)?))
        }
        RecordType::Process => {
            let record: ProcessRecord = fields(record_type, object)?;
            if record.id.is_none() && !record.has_command() {
                return Err(Refusal::NoCommand);
            }
            Record::Process(Box::new(record))
        }
    })
}

fn fields<T: DeserializeOwned>(
    record: RecordType,
    object: Map<String, Value>,
) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| Refusal::Field {
        record,
        field: error.path().to_string(),
        source: error.into_inner(),
    })
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProcessId;
    use std::error::Error;

    fn refusal(line: &str) -> Refusal {
        match parse_line(line) {
            Line::Refused { reason } => reason,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn blank_lines_and_comments_are_skipped() {
        for line in ["", "  \t", "# {\"type\":\"Process\"}", "  # x", "\r"] {
            assert!(matches!(parse_line(line), Line::Blank), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_object_says_what_it_is() {
        for (line, says) in [
            ("hello", "not JSON"),
            ("{\"type\":", "not JSON"),
            ("[1]", "a list"),
            ("\"x\"", "a text"),
            ("1.5", "a number"),
            ("null", "null"),
        ] {
            let Line::NotAnObject(why) = parse_line(line) else {
                panic!("{line}");
            };
            assert!(why.to_string().contains(says), "{line}: {why}");
        }
    }

    #[test]
    fn an_unknown_type_comes_back_as_it_was() {
        let line = r#"{"type":"Snapshot","url":"https://x","n":[1.5,{"b":2,"a":1}]}"#;
        let Line::Unknown { record_type, value } = parse_line(line) else {
            panic!("unknown");
        };
        assert_eq!(
            (record_type.as_str(), value.to_string().as_str()),
            ("Snapshot", line)
        );
    }

    #[test]
    fn an_object_without_a_type_is_refused() {
        for line in ["{}", r#"{"type":5}"#, r#"{"type":null,"cmd":["x"]}"#] {
            assert!(matches!(refusal(line), Refusal::NoType), "{line}");
        }
    }

    #[test]
    fn the_older_machine_form_needs_no_type() {
        let line = r#"{"_method":"update","key":"A_BINARY","value":"a"}"#;
        let Line::Record(Record::Machine { config }) = parse_line(line) else {
            panic!("a machine's patch");
        };
        assert_eq!(Value::Object(config).to_string(), r#"{"A_BINARY":"a"}"#);
    }

    #[test]
    fn a_field_that_cannot_be_read_is_named_with_what_was_expected() {
        for (line, field, expected) in [
            (
                r#"{"type":"Process","cmd":["a",5]}"#,
                "cmd[1]",
                "expected a string",
            ),
            (r#"{"type":"Process","id":"banana"}"#, "id", "banana"),
            (
                r#"{"type":"Process","cmd":["a"],"status":"done"}"#,
                "status",
                "queued, running, exited",
            ),
            (r#"{"type":"Process","cmd":["a"],"pid":0}"#, "pid", "pid"),
            (
                r#"{"type":"Process","cmd":["a"],"stop":{"at":1}}"#,
                "stop.at",
                "expected a string",
            ),
            (
                r#"{"type":"NetworkInterface","city":5}"#,
                "city",
                "expected a string",
            ),
        ] {
            let refusal = refusal(line);
            let source = refusal.source().unwrap().to_string();
            assert!(refusal.to_string().contains(field), "{line}: {refusal}");
            assert!(source.contains(expected), "{line}: {source}");
        }
    }

    #[test]
    fn fields_nobody_knows_and_versions_of_others_are_no_reason_to_refuse() {
        let id = ProcessId::generate();
        for (version, kept) in [
            ("\"0.9.31rc1\"", Some("0.9.31rc1")),
            ("2", Some("2")),
            ("null", None),
        ] {
            let line = format!(
                r#"{{"type":"Process","schema_version":{version},"id":"{}","later":[{{}}]}}"#,
                id.simple()
            );
            let Line::Record(Record::Process(record)) = parse_line(&line) else {
                panic!("{line}");
            };
            assert_eq!(
                (record.id, record.schema_version.as_deref()),
                (Some(id), kept)
            );
        }
    }

    #[test]
    fn a_process_without_id_and_command_is_refused() {
        assert!(matches!(
            refusal(r#"{"type":"Process","pwd":"/"}"#),
            Refusal::NoCommand
        ));
    }
}

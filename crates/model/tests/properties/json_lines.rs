//! Whatever stands in a stream is read without fail.

use hostledger_model::json::{Line, RecordType, parse_line, records};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::arbitrary::{json, object, text};

/// Fields that records have, so that what is read gets further than the type.
const FIELDS: [&str; 24] = [
    "id",
    "machine_id",
    "cmd",
    "pwd",
    "status",
    "exit_code",
    "started_at",
    "binary_id",
    "pid",
    "timeout",
    "timeout_ms",
    "env",
    "launch",
    "stop",
    "name",
    "binproviders",
    "overrides",
    "abspath",
    "version",
    "sha256",
    "config",
    "_method",
    "key",
    "schema_version",
];

fn record_like() -> impl Strategy<Value = Map<String, Value>> {
    let plausible = prop_oneof![
        json(),
        vec(text(), 0..3).prop_map(Value::from),
        Just(json!("update")),
        Just(json!("019a0000-0000-7000-8000-000000000000")),
        Just(json!("2026-01-31T12:00:00Z")),
    ];
    (
        select(RecordType::ALL),
        btree_map(select(FIELDS.to_vec()), plausible, 0..8),
    )
        .prop_map(|(record_type, fields)| {
            let mut object = Map::from_iter([("type".to_owned(), json!(record_type))]);
            object.extend(
                fields
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value)),
            );
            object
        })
}

/// A line as it stands in a program's output.
fn output_line() -> impl Strategy<Value = String> {
    let one_line = |text: String| text.replace(['\n', '\r'], " ");
    prop_oneof![
        text().prop_map(one_line),
        object().prop_map(|object| Value::Object(object).to_string()),
        record_like().prop_map(|object| Value::Object(object).to_string()),
        Just("# a comment".to_owned()),
        Just("  ".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_text_is_some_line(text in any::<String>()) {
        let is_object = serde_json::from_str::<Map<String, Value>>(&text).is_ok();
        match parse_line(&text) {
            Line::Blank | Line::NotAnObject(_) => prop_assert!(!is_object),
            Line::Unknown { .. } | Line::Record(_) | Line::Refused { .. } => prop_assert!(is_object),
        }
    }

    #[test]
    fn any_object_of_a_known_type_is_a_record_or_refused_with_a_reason(object in record_like()) {
        let line = Value::Object(object).to_string();
        match parse_line(&line) {
            Line::Record(_) => {}
            Line::Refused { reason } => prop_assert!(!reason.to_string().is_empty()),
            other => return Err(TestCaseError::fail(format!("{line}: {other:?}"))),
        }
    }

    #[test]
    fn any_object_of_an_unknown_type_comes_back_untouched(mut object in object(), kind in "[A-Z]{1,4}") {
        object.insert("type".to_owned(), json!(kind));
        let line = Value::Object(object.clone()).to_string();
        let Line::Unknown { record_type, value } = parse_line(&line) else {
            return Err(TestCaseError::fail(line));
        };
        prop_assert_eq!(record_type, kind);
        prop_assert_eq!(value.to_string(), line);
    }

    #[test]
    fn every_line_of_an_output_is_a_record_skipped_or_counted(lines in vec(output_line(), 0..8)) {
        let output = lines.join("\n");
        let mut found = records(&output);
        let objects: Vec<_> = found.by_ref().collect();
        let skipped = output
            .lines()
            .filter(|line| line.trim().is_empty() || line.trim().starts_with('#'))
            .count();
        prop_assert_eq!(objects.len() + found.passed_over() + skipped, output.lines().count());
        prop_assert!(objects.iter().all(|object| object["type"].is_string()));
    }
}

//! What a binary's JSON means follows from what it gives, and from nothing else.

use hostledger_model::json::{BinaryCase, Line, Record, Refusal, parse_line};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::arbitrary::object;

fn given() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-z0-9/]{0,3}")
}

proptest! {
    #[test]
    fn the_cases_are_told_apart_by_what_is_given(
        abspath in given(),
        version in given(),
        binproviders in given(),
        overrides in proptest::option::of(object()),
        name in given(),
    ) {
        let mut object = Map::from_iter([("type".to_owned(), json!("Binary"))]);
        for (key, text) in [
            ("abspath", &abspath),
            ("version", &version),
            ("binproviders", &binproviders),
            ("name", &name),
        ] {
            object.extend(text.as_ref().map(|text| (key.to_owned(), json!(text))));
        }
        object.extend(overrides.clone().map(|it| ("overrides".to_owned(), Value::Object(it))));
        let line = Value::Object(object).to_string();

        let has = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let installed = has(&abspath) && has(&version);
        let asked = binproviders.is_some() || (overrides.is_some() && !has(&abspath));
        match parse_line(&line) {
            Line::Refused { reason: Refusal::NoName { .. } } => prop_assert!(!has(&name)),
            Line::Refused { reason: Refusal::NeitherRequestNorInstalled { .. } } => {
                prop_assert!(!installed && !asked);
            }
            Line::Record(Record::Binary(input)) => {
                prop_assert_eq!((Some(&input.name), input.overrides), (name.as_ref(), overrides.map(Value::Object)));
                match input.case {
                    BinaryCase::Installed { binproviders: kept, file } => {
                        prop_assert!(installed && has(&binproviders));
                        prop_assert_eq!((Some(kept), Some(file.abspath)), (binproviders, abspath));
                    }
                    BinaryCase::HookResult { file } => {
                        prop_assert!(installed && !has(&binproviders));
                        prop_assert_eq!((Some(file.abspath), Some(file.version)), (abspath, version));
                    }
                    BinaryCase::Request { binproviders: kept } => {
                        prop_assert!(!installed && asked);
                        prop_assert_eq!(kept, binproviders);
                    }
                }
            }
            other => return Err(TestCaseError::fail(format!("{line}: {other:?}"))),
        }
    }
}

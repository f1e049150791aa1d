//! Names of settings in texts, such as `{CHROME_BINARY}`.

use serde_json::Value;

/// A text with every `{KEY}` replaced that `value` knows; others stay as they are.
pub(super) fn expand(text: &str, value: &impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        expanded.push_str(before);
        let found = after
            .split_once('}')
            .and_then(|(key, after)| Some((value(key)?, after)));
        match found {
            Some((text, after)) => {
                expanded.push_str(&text);
                rest = after;
            }
            None => {
                expanded.push('{');
                rest = after;
            }
        }
    }
    expanded + rest
}

/// The same in every text of a value.
pub(super) fn expand_all(value: &Value, known: &impl Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => Value::from(expand(text, known)),
        Value::Array(items) => items.iter().map(|item| expand_all(item, known)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, item)| (key.clone(), expand_all(item, known)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_replaced_and_others_stay() {
        let known = |key: &str| (key == "A").then(|| "{A}x".to_owned());
        for (text, expected) in [
            ("{A}", "{A}x"),
            ("1{A}2{A}3", "1{A}x2{A}x3"),
            ("{B} {A", "{B} {A"),
            ("{{A}}", "{{A}x}"),
            ("", ""),
        ] {
            assert_eq!(expand(text, &known), expected, "{text}");
        }
    }
}

//! One setting of a plugin, and which values fit it.

use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use super::pattern::Pattern;

/// A setting as a `config.json` describes it: the part of JSON Schema (draft-07) by which plugins say
/// what fits, and where a value may come from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Property {
    /// Kinds of value that fit; any when there is none.
    #[serde(rename = "type", deserialize_with = "one_or_more")]
    pub types: Vec<ValueType>,
    /// The value when nothing else gives one.
    #[serde(deserialize_with = "given")]
    pub default: Option<Value>,
    /// The only values that fit.
    #[serde(rename = "enum")]
    pub choices: Option<Vec<Value>>,
    /// The least number that fits.
    pub minimum: Option<Number>,
    /// The greatest number that fits.
    pub maximum: Option<Number>,
    /// What a text has to match.
    pub pattern: Option<Pattern>,
    /// What each item of a list has to be.
    pub items: Option<Box<Property>>,
    /// What each member of an object has to be.
    #[serde(rename = "additionalProperties")]
    pub members: Option<FurtherMembers>,
    /// Other names it may be given under.
    #[serde(rename = "x-aliases")]
    pub aliases: Vec<String>,
    /// The setting whose value it takes when it is not given itself.
    #[serde(rename = "x-fallback")]
    pub fallback: Option<String>,
    /// Whether its value is nobody's business.
    #[serde(rename = "x-sensitive")]
    pub sensitive: bool,
}

/// What may stand in an object that says nothing of its members by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum FurtherMembers {
    /// Anything, or nothing at all.
    Any(bool),
    /// What fits this.
    Like(Box<Property>),
}

/// Kinds of value, as JSON Schema has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// `true` or `false`; as text also 1, yes, on and 0, no, off, and nothing for false.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A list; as text, JSON.
    Array,
    /// An object; as text, JSON.
    Object,
    /// Nothing.
    Null,
    /// A text.
    String,
}

impl Property {
    /// The value that a text means here; none when it fits none of the types, or not the bounds.
    #[must_use]
    pub fn read_text(&self, text: &str) -> Option<Value> {
        let value = match &self.types[..] {
            [] => Some(Value::from(text)),
            types => types.iter().find_map(|kind| kind.read(text)),
        };
        value.filter(|value| self.allows(value))
    }

    /// The value that something stored means here: JSON, or a text of it.
    #[must_use]
    pub fn read_value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::String(text) => self.read_text(text),
            other => self.fits(other).then(|| other.clone()),
        }
    }

    /// What would fit, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        if let Some(choices) = &self.choices {
            let choices: Vec<_> = choices.iter().map(ToString::to_string).collect();
            return format!("one of {}", choices.join(", "));
        }
        let types: Vec<_> = self.types.iter().map(|kind| kind.article()).collect();
        let mut text = types.join(" or ");
        if let Some(least) = &self.minimum {
            text.push_str(&format!(" from {least}"));
        }
        if let Some(greatest) = &self.maximum {
            text.push_str(&format!(" up to {greatest}"));
        }
        if let Some(pattern) = &self.pattern {
            text.push_str(&format!(" that matches {}", pattern.as_str()));
        }
        if let Some(items) = &self.items {
            text.push_str(&format!(", each item {}", items.expected()));
        }
        match &self.members {
            Some(FurtherMembers::Like(it)) => {
                text.push_str(&format!(", each member {}", it.expected()));
            }
            Some(FurtherMembers::Any(false)) => text.push_str(" without members"),
            _ => {}
        }
        text
    }

    /// Patterns that cannot be checked, in the setting and what it holds.
    pub fn unchecked(&self) -> impl Iterator<Item = &Pattern> {
        let inner = match &self.members {
            Some(FurtherMembers::Like(members)) => Some(members.pattern.as_ref()),
            _ => None,
        };
        let items = self.items.as_ref().map(|items| items.pattern.as_ref());
        [Some(self.pattern.as_ref()), items, inner]
            .into_iter()
            .flatten()
            .flatten()
            .filter(|pattern| pattern.problem().is_some())
    }

    /// Whether a value fits as it is.
    fn fits(&self, value: &Value) -> bool {
        self.has_type_of(value) && self.allows(value)
    }

    fn has_type_of(&self, value: &Value) -> bool {
        self.types.is_empty() || self.types.iter().any(|kind| kind.is_type_of(value))
    }

    fn allows(&self, value: &Value) -> bool {
        let chosen = self
            .choices
            .as_ref()
            .is_none_or(|choices| choices.contains(value));
        let number = value.as_f64();
        let bound = |bound: &Option<Number>| bound.as_ref().and_then(Number::as_f64).zip(number);
        let not_too_small = bound(&self.minimum).is_none_or(|(least, it)| it >= least);
        let not_too_great = bound(&self.maximum).is_none_or(|(greatest, it)| it <= greatest);
        chosen && not_too_small && not_too_great && self.allows_content(value)
    }

    fn allows_content(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.pattern.as_ref().is_none_or(|it| it.allows(text)),
            Value::Array(list) => {
                let items = self.items.as_ref();
                items.is_none_or(|items| list.iter().all(|item| items.fits(item)))
            }
            Value::Object(object) => match &self.members {
                None | Some(FurtherMembers::Any(true)) => true,
                Some(FurtherMembers::Any(false)) => object.is_empty(),
                Some(FurtherMembers::Like(it)) => object.values().all(|member| it.fits(member)),
            },
            _ => true,
        }
    }
}

impl ValueType {
    fn read(self, text: &str) -> Option<Value> {
        let trimmed = text.trim();
        match self {
            Self::Boolean => boolean(trimmed).map(Value::from),
            Self::Integer => trimmed.parse::<i64>().ok().map(Value::from),
            Self::Number => {
                let number = trimmed.parse::<i64>().map(Value::from);
                number
                    .or_else(|_| trimmed.parse::<f64>().map(Value::from))
                    .ok()
            }
            Self::Array | Self::Object | Self::Null => {
                let value = serde_json::from_str(trimmed).ok()?;
                self.is_type_of(&value).then_some(value)
            }
            Self::String => Some(Value::from(text)),
        }
    }

    fn is_type_of(self, value: &Value) -> bool {
        match self {
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
            Self::Null => value.is_null(),
            Self::String => value.is_string(),
        }
    }

    fn article(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Array => "a list in JSON",
            Self::Object => "an object in JSON",
            Self::Null => "null",
            Self::String => "a text",
        }
    }
}

/// Words as plugins themselves read them; empty is off.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" | "" => Some(false),
        _ => None,
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ValueType>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Types {
        One(ValueType),
        More(Vec<ValueType>),
    }
    Ok(match Types::deserialize(deserializer)? {
        Types::One(kind) => vec![kind],
        Types::More(kinds) => kinds,
    })
}

/// A default of `null` is one.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn property(schema: Value) -> Property {
        serde_json::from_value(schema).unwrap()
    }

    #[test]
    fn a_text_is_read_by_its_type() {
        for (schema, text, expected) in [
            (json!({"type": "string"}), " a ", Some(json!(" a "))),
            (json!({"type": "string"}), "5", Some(json!("5"))),
            (json!({}), "5", Some(json!("5"))),
            (json!({"type": "boolean"}), "No", Some(json!(false))),
            (json!({"type": "boolean"}), "", Some(json!(false))),
            (json!({"type": "boolean"}), "1", Some(json!(true))),
            (json!({"type": "boolean"}), "maybe", None),
            (json!({"type": "integer"}), " 60 ", Some(json!(60))),
            (json!({"type": "integer"}), "6.5", None),
            (json!({"type": "integer", "minimum": 5}), "4", None),
            (json!({"type": "integer", "maximum": 5}), "6", None),
            (
                json!({"type": "integer", "minimum": 5, "maximum": 5}),
                "5",
                Some(json!(5)),
            ),
            (json!({"type": "number"}), "6.5", Some(json!(6.5))),
            (json!({"type": "number"}), "6", Some(json!(6))),
            (json!({"type": "array"}), "[\"-a\"]", Some(json!(["-a"]))),
            (json!({"type": "array"}), "-a", None),
            (
                json!({"type": "object"}),
                "{\"a\":1}",
                Some(json!({"a": 1})),
            ),
            (json!({"type": "object"}), "[]", None),
            (
                json!({"type": ["integer", "null"]}),
                "null",
                Some(json!(null)),
            ),
            (json!({"type": ["null", "string"]}), "x", Some(json!("x"))),
            (
                json!({"type": "string", "enum": ["a", "b"]}),
                "b",
                Some(json!("b")),
            ),
            (json!({"type": "string", "enum": ["a", "b"]}), "c", None),
            (
                json!({"type": "string", "pattern": "^\\d+,\\d+$"}),
                "1440,2000",
                Some(json!("1440,2000")),
            ),
            (
                json!({"type": "string", "pattern": "^\\d+,\\d+$"}),
                "1440x2000",
                None,
            ),
            (
                json!({"type": "array", "items": {"type": "string", "pattern": "^-"}}),
                "[\"-a\",\"b\"]",
                None,
            ),
            (
                json!({"type": "array", "items": {"type": "string"}}),
                "[\"-a\",1]",
                None,
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "{\"a\":1}",
                None,
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "{\"a\":\"1\"}",
                Some(json!({"a": "1"})),
            ),
            (
                json!({"type": "object", "additionalProperties": false}),
                "{\"a\":1}",
                None,
            ),
        ] {
            assert_eq!(
                property(schema.clone()).read_text(text),
                expected,
                "{schema} {text}"
            );
        }
    }

    #[test]
    fn what_is_stored_fits_as_it_is_or_as_text() {
        let list = property(json!({"type": "array"}));
        assert_eq!(list.read_value(&json!([1])), Some(json!([1])));
        assert_eq!(list.read_value(&json!("[1]")), Some(json!([1])));
        assert_eq!(list.read_value(&json!(1)), None);
    }

    #[test]
    fn what_would_fit_is_said() {
        let text = |schema| property(schema).expected();
        assert_eq!(
            text(json!({"type": "integer", "minimum": 5})),
            "a whole number from 5"
        );
        assert_eq!(text(json!({"enum": ["a", 1]})), "one of \"a\", 1");
        assert_eq!(
            text(json!({"type": ["boolean", "null"]})),
            "true or false or null"
        );
        let size = json!({"type": "string", "pattern": "^\\d+$"});
        assert_eq!(text(size.clone()), r"a text that matches ^\d+$");
        assert_eq!(
            text(json!({"type": "array", "items": size})),
            r"a list in JSON, each item a text that matches ^\d+$"
        );
    }
}

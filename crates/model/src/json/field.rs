//! How single fields are read where plain serde would be too strict, or too loose.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{RecordType, Refusal};
use crate::Limit;

/// Whatever a writer calls its version; a number is as good as a text.
pub(super) fn schema_version<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

/// Any JSON that stands there, `null` too: only a missing field is none.
pub(super) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Refuses a text of a record that does not fit its field.
pub(super) fn check(record: RecordType, limit: Limit, text: &str) -> Result<(), Refusal> {
    if text.contains('\0') {
        return Err(Refusal::NulCharacter {
            record,
            field: limit.field,
        });
    }
    limit
        .check(text)
        .map_err(|source| Refusal::Limit { record, source })
}

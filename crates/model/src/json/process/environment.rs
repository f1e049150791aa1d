//! The variables of a process record that somebody hands in.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Variables as given, secrets among them: never written, and no message shows a value.
#[derive(Clone, Default, PartialEq)]
pub(in crate::json) struct GivenEnvironment(pub(in crate::json) Map<String, Value>);

impl fmt::Debug for GivenEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<'de> Deserialize<'de> for GivenEnvironment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of a value: serde's own message would quote what it found instead.
        match Value::deserialize(deserializer)? {
            Value::Object(variables) => Ok(Self(variables)),
            Value::Null => Ok(Self::default()),
            _ => Err(D::Error::custom("expected an object of variables")),
        }
    }
}

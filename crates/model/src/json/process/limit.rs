//! How long a process may run, as its record says in milliseconds.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds a process may run. `null` says that there is no limit, which a record without the
/// field does not: another program's has a `timeout` in seconds, or the default is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunLimit {
    /// The record does not say.
    #[default]
    Unsaid,
    /// As long as it likes.
    None,
    /// So many milliseconds.
    Milliseconds(u64),
}

impl RunLimit {
    pub(super) fn is_unsaid(&self) -> bool {
        *self == Self::Unsaid
    }
}

impl Serialize for RunLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Milliseconds(ms) => serializer.serialize_u64(*ms),
            Self::Unsaid | Self::None => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for RunLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Option::<u64>::deserialize(deserializer)?;
        Ok(given.map_or(Self::None, Self::Milliseconds))
    }
}

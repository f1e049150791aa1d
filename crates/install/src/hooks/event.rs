//! What hooks are run at.

use std::fmt;
use std::str::FromStr;

/// What [`EventName`] drops at the end of a name: the class of an event is the event.
const SUFFIX: &str = "Event";

/// The name of an event, such as `Snapshot` or `BinaryRequest`.
///
/// `SnapshotEvent` is the same event as `Snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(String);

/// Why a text names no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} names no event: give letters and digits, such as Snapshot")]
pub struct InvalidEventName {
    name: String,
}

impl EventName {
    /// Asks the installers among the hooks for a program.
    #[must_use]
    pub fn binary_request() -> Self {
        Self("BinaryRequest".to_owned())
    }

    /// The name, without a trailing `Event`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventName {
    type Err = InvalidEventName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim();
        let name = name.strip_suffix(SUFFIX).unwrap_or(name);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(fits) || name.contains("__") {
            return Err(InvalidEventName {
                name: text.to_owned(),
            });
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_an_event_is_the_event() {
        for (text, name) in [
            ("Snapshot", "Snapshot"),
            (" SnapshotEvent ", "Snapshot"),
            ("BinaryRequestEvent", "BinaryRequest"),
            ("EventEvent", "Event"),
        ] {
            assert_eq!(text.parse::<EventName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_no_file_could_be_called_after_is_refused() {
        for text in ["", "Event", "a b", "../x", "a/b", "a__b", "ü", "a\0"] {
            assert!(text.parse::<EventName>().is_err(), "{text:?}");
        }
    }
}

//! Ids of records of any kind, and the beginnings of ids that people type.

use std::fmt;
use std::str::FromStr;

use hostledger_model::{BinaryId, InterfaceId, MachineId, ProcessId};
use uuid::Uuid;

/// The id of a record and what kind of record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordId {
    /// A host.
    Machine(MachineId),
    /// A network interface.
    Interface(InterfaceId),
    /// A program.
    Binary(BinaryId),
    /// A process.
    Process(ProcessId),
}

impl RecordId {
    /// The kind of record in one word, such as `process`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Machine(_) => "machine",
            Self::Interface(_) => "interface",
            Self::Binary(_) => "binary",
            Self::Process(_) => "process",
        }
    }

    /// The id as a uuid.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        match self {
            Self::Machine(id) => id.uuid(),
            Self::Interface(id) => id.uuid(),
            Self::Binary(id) => id.uuid(),
            Self::Process(id) => id.uuid(),
        }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.uuid().hyphenated())
    }
}

impl From<MachineId> for RecordId {
    fn from(id: MachineId) -> Self {
        Self::Machine(id)
    }
}

impl From<InterfaceId> for RecordId {
    fn from(id: InterfaceId) -> Self {
        Self::Interface(id)
    }
}

impl From<BinaryId> for RecordId {
    fn from(id: BinaryId) -> Self {
        Self::Binary(id)
    }
}

impl From<ProcessId> for RecordId {
    fn from(id: ProcessId) -> Self {
        Self::Process(id)
    }
}

/// The beginning of an id: 1 to 32 lower-case hex digits, without dashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdPrefix(String);

/// A text that no id begins with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id nor the beginning of one (1 to 32 hex digits)")]
pub struct InvalidPrefix {
    /// What was given.
    pub text: String,
}

impl IdPrefix {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdPrefix {
    type Err = InvalidPrefix;

    /// Reads upper and lower case, with dashes or without.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.replace('-', "").to_ascii_lowercase();
        let valid =
            (1..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if valid {
            Ok(Self(digits))
        } else {
            Err(InvalidPrefix {
                text: text.to_owned(),
            })
        }
    }
}

/// What an [`IdPrefix`] led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No record's id begins so.
    Nothing,
    /// Exactly one does.
    One(RecordId),
    /// Several do: some of them, to name in an error, in order of their ids per kind.
    Several(Vec<RecordId>),
}

/// Candidates of each kind that are looked for: enough to show people that there are several.
pub(crate) const CANDIDATES: i64 = 5;

impl From<Vec<RecordId>> for Found {
    fn from(found: Vec<RecordId>) -> Self {
        match found.as_slice() {
            [] => Self::Nothing,
            [one] => Self::One(*one),
            _ => Self::Several(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_read_with_dashes_and_in_upper_case() {
        let prefix: IdPrefix = "0198C0DE-7".parse().unwrap();
        assert_eq!(prefix.as_str(), "0198c0de7");
    }

    #[test]
    fn what_begins_no_id_is_named() {
        for text in ["", "-", "xyz", "%", "0198_", &"0".repeat(33)] {
            let error = text.parse::<IdPrefix>().unwrap_err();
            assert_eq!(error.text, text);
        }
    }
}

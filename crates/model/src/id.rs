//! Ids of records: UUIDv7, one type per record so that none passes for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of 32 hex digits")]
pub struct InvalidId {
    text: String,
    #[source]
    source: uuid::Error,
}

macro_rules! record_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Shown with dashes; read with or without. Ids of other programs are kept as they are:
        /// no time is ever taken out of one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id, later in order than those made before it by this process.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id as 32 lower-case hex digits, the form ArchiveBox keeps in SQLite.
            #[must_use]
            pub fn simple(self) -> String {
                self.0.simple().to_string()
            }

            /// The id as a uuid.
            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|source| InvalidId { text: text.to_owned(), source })
            }
        }
    };
}

record_id!(
    /// Id of a [`Machine`](crate::Machine).
    MachineId
);
record_id!(
    /// Id of a [`NetworkInterface`](crate::NetworkInterface).
    InterfaceId
);
record_id!(
    /// Id of a [`Binary`](crate::Binary).
    BinaryId
);
record_id!(
    /// Id of a [`Process`](crate::Process).
    ProcessId
);
record_id!(
    /// Id of whoever supervises processes: one per running engine, gone with it.
    OwnerId
);
record_id!(
    /// Id of the secret values that were submitted together, and of the file in the data
    /// directory that keeps them.
    SecretBatchId
);
record_id!(
    /// Id of a keeper: one that starts processes for an owner and can outlive it.
    KeeperId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_are_written_and_not_needed_to_read() {
        let id = ProcessId::generate();
        assert_eq!(id.to_string().parse::<ProcessId>().unwrap(), id);
        assert_eq!(id.simple().parse::<ProcessId>().unwrap(), id);
        assert_eq!((id.to_string().len(), id.simple().len()), (36, 32));
    }

    #[test]
    fn later_ids_sort_later() {
        let ids: Vec<_> = (0..100).map(|_| ProcessId::generate()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn what_is_no_id_is_named_in_the_error() {
        let error = "01-banana".parse::<MachineId>().unwrap_err();
        assert!(error.to_string().contains("01-banana"));
    }
}

//! Whether programs are still what they were when they were installed.

use std::fmt;
use std::io;
use std::path::Path;

use hostledger_install::{Digests, Request, ask_version, compare_versions, is_program};
use hostledger_model::Binary;

use super::run::Recorded;
use super::used::is_same;
use crate::{Interruption, Ledger, LedgerError};

/// A binary and what has become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryCheck {
    /// Its record.
    pub binary: Binary,
    /// What is different on disk.
    pub drift: Drift,
}

/// What is different between a binary's record and what is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// Nothing.
    None,
    /// There is no such program, or it cannot be read.
    Missing {
        /// Why, for people.
        reason: String,
    },
    /// Another content.
    Content {
        /// The hash that is recorded.
        recorded: String,
        /// The hash that the file has.
        found: String,
    },
    /// The name of the program leads to another file than the one that is recorded.
    Another {
        /// Where it leads.
        found: String,
    },
    /// Another version, by the program's own account.
    Version {
        /// The version that is recorded.
        recorded: String,
        /// The version that it says.
        found: String,
    },
}

impl fmt::Display for BinaryCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Binary { name, abspath, .. } = &self.binary;
        match &self.drift {
            Drift::None => write!(f, "{name} is as it was: {abspath}"),
            Drift::Missing { reason } => write!(f, "{name} is missing: {abspath}: {reason}"),
            Drift::Content { recorded, found } => write!(
                f,
                "{name} has changed: the sha256 of {abspath} was {recorded} and is {found}"
            ),
            Drift::Another { found } => write!(
                f,
                "{name} leads elsewhere: {abspath} is recorded, and {found} would be run"
            ),
            Drift::Version { recorded, found } => write!(
                f,
                "{name} has changed: the version of {abspath} was {recorded} and is {found}"
            ),
        }
    }
}

impl Drift {
    /// What it is in a word: `intact`, `missing` or `changed`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "intact",
            Self::Missing { .. } => "missing",
            Self::Content { .. } | Self::Another { .. } | Self::Version { .. } => "changed",
        }
    }
}

impl Ledger {
    /// Compares an installed binary with what is on disk: its file, and which version it says it
    /// has. That runs it, recorded.
    ///
    /// # Errors
    /// It could not be run and recorded.
    pub fn verify_binary(&self, binary: Binary) -> Result<BinaryCheck, LedgerError> {
        let mut drift = self.file_drift(&binary);
        if drift == Drift::None {
            drift = self.link_drift(&binary);
        }
        if drift == Drift::None {
            let place = self.place()?;
            let request = Request {
                binary: &binary,
                place: &place,
            };
            let runner = Recorded {
                ledger: self,
                interruption: &Interruption::default(),
            };
            let program = Path::new(&binary.abspath);
            let said = ask_version(&request, &binary.binprovider, program, &runner)
                .map_err(LedgerError::ProviderRun)?;
            // One that does not say has its package manager's version.
            if let Some(found) = said
                && compare_versions(&found, &binary.version).is_ne()
            {
                let recorded = binary.version.clone();
                drift = Drift::Version { recorded, found };
            }
        }
        Ok(BinaryCheck { binary, drift })
    }

    /// What is different about a binary's file; the program is not run.
    pub(crate) fn file_drift(&self, binary: &Binary) -> Drift {
        file_drift(&self.inner.digests, binary)
    }

    /// Whether our link of a binary's name leads elsewhere. None is no change: records of others
    /// have none.
    fn link_drift(&self, binary: &Binary) -> Drift {
        let name = binary.name.rsplit('/').next().unwrap_or(&binary.name);
        let link = self.own_data_dir().map(|it| it.lib_bin().join(name));
        match link.filter(|link| link.exists()) {
            Some(link) if !is_same(&link, Path::new(&binary.abspath)) => Drift::Another {
                found: link.to_string_lossy().into_owned(),
            },
            _ => Drift::None,
        }
    }
}

/// What is different about a binary's file; the program is not run.
pub(super) fn file_drift(digests: &Digests, binary: &Binary) -> Drift {
    let path = Path::new(&binary.abspath);
    let missing = |reason: String| Drift::Missing { reason };
    if !is_program(path) {
        let reason = match path.metadata() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => error.to_string(),
            Err(_) => "there is no such file".to_owned(),
            Ok(_) => "it is no program that can be executed".to_owned(),
        };
        return missing(reason);
    }
    match digests.sha256(path) {
        Err(error) => missing(error.to_string()),
        Ok(found) if binary.sha256.is_empty() || found == binary.sha256 => Drift::None,
        Ok(found) => Drift::Content {
            recorded: binary.sha256.clone(),
            found,
        },
    }
}

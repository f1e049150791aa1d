//! Where programs are looked for and put.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The parts of this host that providers work with: real directories and variables come in here
/// and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The ledger's directory.
    pub data: PathBuf,
    /// Where programs are looked for, as `PATH` has it.
    pub search_path: OsString,
    /// What the variables `*_BINARY` say, the environment's before those of the machine's
    /// configuration.
    pub named: BTreeMap<String, String>,
}

impl Place {
    /// What is installed is kept below this: `<data>/lib`.
    #[must_use]
    pub fn lib(&self) -> PathBuf {
        self.data.join("lib")
    }

    /// Installed programs are linked here: `<data>/lib/bin`.
    #[must_use]
    pub fn lib_bin(&self) -> PathBuf {
        self.lib().join("bin")
    }

    /// Whether a path is one of our links.
    #[must_use]
    pub fn is_link_of_ours(&self, path: &Path) -> bool {
        path.parent() == Some(&self.lib_bin())
    }
}

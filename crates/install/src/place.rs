//! Where programs are looked for and put.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
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
    /// configuration; `~` is expanded.
    pub named: BTreeMap<String, String>,
    /// Whether we may change the system: user 0.
    pub is_root: bool,
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

    /// A program on `PATH`, our own links left out.
    #[must_use]
    pub fn on_path(&self, name: &str) -> Option<PathBuf> {
        let links = self.lib_bin();
        std::env::split_paths(&self.search_path)
            .filter(|directory| directory.is_absolute() && *directory != links)
            .map(|directory| directory.join(name))
            .find(|path| is_program(path))
    }

    /// A program that one of our links leads to, followed to where the link says.
    #[must_use]
    pub fn linked(&self, name: &str) -> Option<PathBuf> {
        let link = self.lib_bin().join(name);
        let target = std::fs::read_link(&link).unwrap_or(link);
        Some(target).filter(|path| path.is_absolute() && is_program(path))
    }

    /// What a variable says of a program: `YT_DLP_BINARY`, or `YTDLP_BINARY`, for `yt-dlp`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&str> {
        let letters = |it: char| it.is_ascii_alphanumeric();
        let upper = name.to_ascii_uppercase();
        let with_gaps = upper.replace(|it| !letters(it), "_");
        let without = upper.replace(|it| !letters(it), "");
        [with_gaps, without]
            .iter()
            .find_map(|key| self.named.get(&format!("{key}_BINARY")))
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// Whether a path leads to a file that may be executed.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    let executable = |mode: u32| mode & 0o111 != 0;
    path.metadata()
        .is_ok_and(|file| file.is_file() && executable(file.permissions().mode()))
}

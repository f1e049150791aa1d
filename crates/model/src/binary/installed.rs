//! A program that is there.

/// A program that is there: what is known of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledFile {
    /// Where; never empty.
    pub abspath: String,
    /// Which version; never empty, cut to what its field holds.
    pub version: String,
    /// Hash of the file, when it is known.
    pub sha256: Option<String>,
    /// The provider that installed it, when that is known.
    pub binprovider: Option<String>,
}

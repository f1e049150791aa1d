//! What is wrong with a plugin, without being fatal to the others.

use std::io;
use std::path::PathBuf;

use super::ConfigError;

/// Something that was passed over, and why.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A directory cannot be read.
    #[error("cannot read the directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An entry of a directory cannot be looked at: a link that leads nowhere, or in a circle.
    #[error("cannot look at {}", path.display())]
    Entry {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A link leads back to the directory that it is in.
    #[error("{} leads back to the directory it is in", path.display())]
    Circle {
        /// Which.
        path: PathBuf,
    },
    /// What is called like a hook is something else.
    #[error("{} is called like a hook but is no file", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// A name that is no text.
    #[error("the name of {} is not UTF-8", path.display())]
    NotText {
        /// Which.
        path: PathBuf,
    },
    /// A plugin's configuration says nothing usable: the plugin is skipped.
    #[error("the plugin {plugin} is skipped: its {} cannot be used", path.display())]
    Config {
        /// Whose.
        plugin: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ConfigError,
    },
    /// A pattern cannot be checked: all that is of the right type fits.
    #[error("{key} of the plugin {plugin} is not checked by its pattern {pattern}")]
    Pattern {
        /// Whose.
        plugin: String,
        /// Of which setting.
        key: String,
        /// As it is written.
        pattern: String,
        /// Why.
        #[source]
        source: regex_lite::Error,
    },
    /// A value that was given does not fit; it is as if it had not been given.
    #[error("{key} of the plugin {plugin} is ignored: it is not {expected}")]
    Value {
        /// Whose.
        plugin: String,
        /// Where it was given.
        key: String,
        /// What would fit. The value itself is not told: it may be a secret.
        expected: String,
    },
}

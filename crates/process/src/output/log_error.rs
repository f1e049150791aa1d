//! Why there is no log.

use std::io;
use std::path::PathBuf;

/// Why there is no log, or no file beside it.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directory cannot be opened or made; `ENOTDIR` or `ELOOP` when a symbolic link is in its
    /// place.
    #[error("cannot open the log directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The path leads out of the directory it has to be in.
    #[error("{} is no path for logs: name a directory below the working directory", path.display())]
    Outside {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else owns it and could do with it what he likes.
    #[error("{} belongs to user {owner}, not to us (user {own}): remove it, or log elsewhere", path.display())]
    NotOurs {
        /// Which file or directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        own: u32,
    },
    /// Something else has the name: a symbolic link, a directory, a named pipe.
    #[error("{} is no plain file: remove it, or log elsewhere", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// A log file cannot be created; `EEXIST` when there is one of this name, which is never
    /// written into: it is another attempt's, or somebody planted it.
    #[error("cannot create the log file {}", path.display())]
    Create {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A log file cannot be read.
    #[error("cannot read the log file {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A file beside the logs cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A file beside the logs cannot be removed.
    #[error("cannot remove {}", path.display())]
    Remove {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

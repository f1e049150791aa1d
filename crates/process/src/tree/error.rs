//! Why a tree could not be looked at, signalled or ended.

use std::io;
use std::path::{Path, PathBuf};

use hostledger_model::Pid;
use hostledger_sys::Signal;

use crate::IdentityError;

/// Why a tree could not be looked at, signalled or ended.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A process cannot be held or compared.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The processes of this machine cannot be listed.
    #[error("cannot look through /proc")]
    Scan {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The cgroup of the tree cannot be read or killed.
    #[error("cannot use the cgroup {}", path.display())]
    Group {
        /// Its directory.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel refused; `EPERM` when the process belongs to somebody else.
    #[error("cannot send {signal} to process {pid}")]
    Refused {
        /// What.
        signal: Signal,
        /// To whom.
        pid: Pid,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Its number means something else here.
    #[error("process {pid} lives in another pid namespace; act on it from there")]
    OtherNamespace {
        /// The number of the leader there.
        pid: Pid,
    },
}

impl TreeError {
    pub(super) fn scan(source: impl Into<io::Error>) -> Self {
        let source = source.into();
        Self::Scan { source }
    }

    pub(super) fn group(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Group { path, source }
    }
}

/// One failure, told for each of several trees.
pub(super) fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => error.kind().into(),
    }
}

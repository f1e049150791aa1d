//! What a launcher can be told when there is no keeper for it.

use std::io;
use std::path::PathBuf;

use hostledger_sys::SpawnError;

/// Why a keeper cannot be started or asked.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The running program is not its own keeper: see [`available`](crate::available).
    #[error("this program's own file cannot be executed as a keeper: name one that can")]
    Unavailable,
    /// The path has a NUL byte.
    #[error("{} cannot be the path of a program", path.display())]
    Path {
        /// Which.
        path: PathBuf,
    },
    /// The table cannot be made.
    #[error("cannot make the keeper's table in {}", directory.display())]
    Create {
        /// Where.
        directory: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The table that was made cannot be read.
    #[error("cannot use the keeper's table")]
    Table {
        /// Why.
        #[source]
        source: crate::TableError,
    },
    /// The cgroup cannot be opened.
    #[error("cannot open the cgroup {}", path.display())]
    Cgroup {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// /proc does not say who we are.
    #[error("cannot learn our own credentials from /proc")]
    Credentials {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Descriptors or memory ran out before there was a keeper.
    #[error("cannot prepare the start of a keeper")]
    Prepare {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The program cannot be executed.
    #[error("cannot execute {} as a keeper", program.display())]
    Execute {
        /// Which.
        program: PathBuf,
        /// Where it failed.
        #[source]
        source: SpawnError,
    },
    /// We act as somebody else than when the keeper was started, which it cannot imitate: start
    /// another one.
    #[error("user, groups or capabilities have changed since the keeper was started")]
    CredentialsChanged,
    /// The keeper has died; what it has started is in its table.
    #[error("the keeper is gone")]
    Gone,
    /// A request cannot be sent.
    #[error("cannot send a request to the keeper")]
    Send {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

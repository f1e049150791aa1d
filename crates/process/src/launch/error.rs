//! Why nothing runs.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use hostledger_sys::Stage;

/// A launch that cannot be meant as it stands: known before an attempt is recorded.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLaunch {
    /// There is no command.
    #[error("the command is empty")]
    EmptyCommand,
    /// A NUL byte, which the kernel takes for the end of a text.
    #[error("{what} contains a NUL byte")]
    NulByte {
        /// Where.
        what: String,
    },
    /// A name that is empty or contains `=`.
    #[error("{:?} cannot be the name of an environment variable", name)]
    VariableName {
        /// The name.
        name: OsString,
    },
    /// The working directory is missing, is none, or may not be entered.
    #[error("cannot use the working directory {}", path.display())]
    WorkingDirectory {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// There is no such resource to limit.
    #[error("there is no resource limit {name:?}")]
    UnknownLimit {
        /// What was given.
        name: String,
    },
}

impl InvalidLaunch {
    /// 125: we failed, as opposed to the program (as env(1) and timeout(1) have it).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        125
    }
}

/// The attempt was made and the program does not run.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no such program.
    #[error("{}: no such program", program.display())]
    NotFound {
        /// As it was called.
        program: OsString,
    },
    /// It exists and may not be executed: no execute permission, a directory, a `noexec` mount.
    #[error("{}: no permission to execute it", program.display())]
    NotExecutable {
        /// The file.
        program: PathBuf,
    },
    /// It is executable but in no format the kernel knows.
    #[error(
        "{}: neither a binary for this machine nor a script that begins with #!; \
         to run it by a shell, say so: sh {}", program.display(), program.display()
    )]
    UnknownFormat {
        /// The file.
        program: PathBuf,
    },
    /// The interpreter it names (in its `#!` line, or as dynamic linker) does not exist.
    #[error("{}: the interpreter it asks for does not exist", program.display())]
    MissingInterpreter {
        /// The file.
        program: PathBuf,
    },
    /// Arguments and environment are larger than the kernel takes (execve(2)).
    #[error("{}: arguments and environment are too large ({bytes} bytes)", program.display())]
    TooLarge {
        /// As it was called.
        program: OsString,
        /// Of both together.
        bytes: usize,
    },
    /// The exec failed in another way.
    #[error("{}: cannot be executed", program.display())]
    Execute {
        /// As it was called.
        program: OsString,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The working directory has gone since the launch was checked.
    #[error("cannot use the working directory {}", path.display())]
    WorkingDirectory {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A resource limit cannot be set: only root raises a hard one.
    #[error("cannot set the resource limits {limits}")]
    Limits {
        /// All that were asked for; the kernel does not say which.
        limits: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A step before the exec failed.
    #[error("cannot {stage}")]
    Setup {
        /// Which.
        stage: Stage,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The descriptors for the program cannot be opened.
    #[error("cannot open {}", path.display())]
    Stdio {
        /// Which file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel describes the process in a way that is not understood; it was ended again.
    #[error("cannot learn the identity of the process")]
    Identity {
        /// Why.
        #[source]
        source: crate::IdentityError,
    },
}

impl LaunchError {
    /// As a shell gives it: 127 when there is no such program, 126 when it cannot be run.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            _ => 126,
        }
    }
}

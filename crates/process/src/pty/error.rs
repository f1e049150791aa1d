//! Why nobody stands between a program and the user's terminal.

use std::io;

/// Why a program's terminal cannot be opened or stood behind.
#[derive(Debug, thiserror::Error)]
pub enum PtyError {
    /// There is none to be had; `ENOSPC` when all are in use (pty(7), `kernel.pty.max`).
    #[error("cannot open a pseudo-terminal")]
    Open {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A change of the terminal's size cannot be noticed.
    #[error("cannot learn of the terminal's signals")]
    Signals {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Modes or size of a terminal cannot be read or set.
    #[error("cannot set up the terminal")]
    Setup {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// What is typed cannot be passed on.
    #[error("cannot pass on what is typed")]
    Input {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// What the program shows cannot be read or passed on.
    #[error("cannot pass on what the program shows")]
    Output {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Whoever looked has gone (`EPIPE`, or `EIO` of a terminal): there is nobody to show it to.
    #[error("the terminal has gone after {shown} bytes")]
    ReaderGone {
        /// How many bytes had been shown by then.
        shown: u64,
    },
    /// All was shown until the program ended, but the log lacks some of it.
    #[error("cannot record what the program showed; the log is not complete")]
    Log {
        /// How many bytes were shown.
        shown: u64,
        /// What the kernel said first.
        #[source]
        source: io::Error,
    },
    /// The program or the terminal cannot be waited for.
    #[error("cannot wait for the program or the terminal")]
    Wait {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

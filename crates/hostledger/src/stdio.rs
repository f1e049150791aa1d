//! What a program reads from and writes to.

use std::io::{PipeReader, PipeWriter};

use crate::made_terminal::MadeTerminal;

/// Where a program reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stdio {
    pub(crate) input: Input,
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Input {
    /// Nothing.
    #[default]
    Nothing,
    /// What we would read.
    Ours,
    /// A pipe that we write into.
    Piped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Output {
    /// Log files.
    #[default]
    Logged,
    /// Pipes that we read.
    Piped,
    /// Our terminal.
    Terminal,
    /// A terminal made for it, between it and ours.
    Recorded,
}

/// Our ends of what a program reads and writes.
#[derive(Default)]
pub(crate) struct Ends {
    pub(crate) stdin: Option<PipeWriter>,
    pub(crate) stdout: Option<PipeReader>,
    pub(crate) stderr: Option<PipeReader>,
    pub(crate) terminal: Option<MadeTerminal>,
}

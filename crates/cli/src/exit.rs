//! What this program's exit codes mean.

use std::process::ExitCode;

use hostledger::Process;

/// How this program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Success,
    /// It failed.
    Failure,
    /// The command line makes no sense.
    Usage,
    /// The time to wait ran out, as timeout(1) has it.
    TimeOut,
    /// It is us who failed and not the program to be run, as env(1) has it; also when nobody
    /// knows how the program ended.
    Ours,
    /// Nobody reads our output any more: 128 + SIGPIPE, as a shell reports it.
    ReaderGone,
    /// What the program ended with, or what a shell says instead: 128 + signal, 127, 126.
    Program(u8),
}

impl Exit {
    /// The exit code of a process that has ended, as ours.
    pub(crate) fn of(process: &Process) -> Self {
        match process.exit_code {
            Some(code) => Self::Program(u8::try_from(code).unwrap_or(u8::MAX)),
            None => Self::Ours,
        }
    }

    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::TimeOut => 124,
            Self::Ours => 125,
            Self::ReaderGone => 141,
            Self::Program(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::process;

    #[test]
    fn a_program_s_code_becomes_ours() {
        let code = |exit_code| {
            Exit::of(&Process {
                exit_code,
                ..process(&["true"])
            })
            .code()
        };
        assert_eq!(code(Some(0)), 0);
        assert_eq!(code(Some(7)), 7);
        assert_eq!(code(Some(137)), 137);
        assert_eq!(code(Some(-1)), 255);
        assert_eq!(code(Some(256)), 255, "never 0 for what is not 0");
        assert_eq!(code(None), 125, "an end that nobody knows");
    }
}

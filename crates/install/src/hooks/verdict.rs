//! How a hook ended.

use hostledger_model::{Outcome, Process};

/// The exit code by which a hook says that there was nothing to do.
const SKIPPED: i32 = 10;
/// The exit code of a program that was called wrongly.
const USAGE: i32 = 2;

/// How a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it is for.
    Succeeded,
    /// There was nothing for it to do.
    Skipped,
    /// It does not understand how it was called.
    Usage,
    /// It took too long and was ended with all it had started.
    TimedOut,
    /// It was asked to end, and did.
    Stopped,
    /// It failed.
    Failed,
}

impl Verdict {
    /// The verdict about a hook that has ended: code 0 is a success, 10 says that there was
    /// nothing to do, 2 that it was called wrongly, and all else is a failure. Where a hook has to
    /// print a record, as installers do, `has_record` says whether it did: 0 without it is skipped.
    #[must_use]
    pub fn of(process: &Process, has_record: Option<bool>) -> Self {
        match (process.outcome, process.exit_code) {
            (Some(Outcome::TimedOut), _) => Self::TimedOut,
            (Some(Outcome::Exited | Outcome::Killed), Some(0)) if has_record == Some(false) => {
                Self::Skipped
            }
            (Some(Outcome::Exited | Outcome::Killed), Some(0)) => Self::Succeeded,
            (Some(Outcome::Exited | Outcome::Killed), Some(SKIPPED)) => Self::Skipped,
            (Some(Outcome::Killed), _) => Self::Stopped,
            (Some(Outcome::Exited), Some(USAGE)) => Self::Usage,
            _ => Self::Failed,
        }
    }

    /// In a word or two.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Usage => "usage",
            Self::TimedOut => "timed out",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether something went wrong.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Usage | Self::TimedOut | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostledger_model::{CommandLine, MachineId, ProcessDraft, SecretWords, Timestamp};

    fn verdict(outcome: Outcome, exit_code: Option<i32>, has_record: Option<bool>) -> Verdict {
        let command = CommandLine::new(vec![b"x".to_vec()]).unwrap();
        let draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
        let made = draft.into_process(&SecretWords::default(), Timestamp::now());
        let mut process = made.unwrap().0;
        (process.outcome, process.exit_code) = (Some(outcome), exit_code);
        Verdict::of(&process, has_record)
    }

    #[test]
    fn exit_codes_are_told_apart() {
        for (code, has_record, expected) in [
            (0, None, Verdict::Succeeded),
            (0, Some(true), Verdict::Succeeded),
            (0, Some(false), Verdict::Skipped),
            (10, Some(true), Verdict::Skipped),
            (2, None, Verdict::Usage),
            (1, Some(true), Verdict::Failed),
            (127, None, Verdict::Failed),
        ] {
            assert_eq!(
                verdict(Outcome::Exited, Some(code), has_record),
                expected,
                "{code}"
            );
        }
    }

    #[test]
    fn other_ends_are_told_apart() {
        for (outcome, code, expected) in [
            (Outcome::TimedOut, Some(0), Verdict::TimedOut),
            (Outcome::TimedOut, Some(137), Verdict::TimedOut),
            (Outcome::Killed, Some(143), Verdict::Stopped),
            (Outcome::Killed, Some(0), Verdict::Succeeded),
            (Outcome::Signaled, Some(139), Verdict::Failed),
            (Outcome::SpawnFailed, Some(127), Verdict::Failed),
            (Outcome::Lost, None, Verdict::Failed),
        ] {
            assert_eq!(verdict(outcome, code, None), expected, "{outcome}");
        }
    }
}

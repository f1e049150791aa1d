//! Why a program did not start: all of it becomes the reason in its row.

use std::error::Error;
use std::io::{self, ErrorKind};

use hostledger_keeper::KeeperError;
use hostledger_lifecycle::process::Event;
use hostledger_model::{ProcessId, with_causes};
use hostledger_process::{ChildrenError, InvalidLaunch, LaunchError, LogError, TerminalError};
use hostledger_sys::{SpawnError, Stage};
use rustix::io::Errno;

#[derive(Debug, thiserror::Error)]
pub(super) enum StartFailed {
    #[error(transparent)]
    Invalid(#[from] InvalidLaunch),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Log(#[from] LogError),
    /// In a directory of the program's.
    #[error(transparent)]
    OwnLog(LogError),
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    #[error("cannot follow the program")]
    Follow(#[source] io::Error),
    #[error("another program of ours has the terminal")]
    TerminalTaken,
    #[error("cannot open /dev/null for the program to read")]
    Null(#[source] io::Error),
    #[error("cannot hand the program to its keeper")]
    Handover(#[source] io::Error),
    #[error("the keeper cannot take the program on")]
    Refused(#[source] io::Error),
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    #[error(transparent)]
    Watch(#[from] ChildrenError<ProcessId>),
}

impl StartFailed {
    fn exit_code(&self) -> i32 {
        match self {
            Self::Launch(error) => error.exit_code().into(),
            _ => 126,
        }
    }

    /// Whether it failed for want of something that has nothing to do with the program, and may be
    /// there later.
    pub(super) fn is_shortage(&self) -> bool {
        match self {
            Self::Launch(LaunchError::Setup { stage, .. }) if !is_of_every_program(*stage) => false,
            Self::Launch(
                LaunchError::Setup { .. }
                | LaunchError::Stdio { .. }
                | LaunchError::Identity { .. },
            ) => self.has_errno(is_shortage),
            Self::Launch(_) => false,
            // The ledger's own directory is not there, or not to be used: for a while, perhaps.
            Self::Log(LogError::Directory { .. }) => true,
            Self::Log(LogError::Create { source, .. }) if source.kind() == ErrorKind::NotFound => {
                true
            }
            // Room on its own disk is for whoever wants it run to see to.
            Self::Invalid(_) | Self::OwnLog(_) => {
                self.has_errno(|errno| is_shortage(errno) && !is_of_disk(errno))
            }
            _ => self.has_errno(is_shortage),
        }
    }

    /// Whether such an error is among the causes.
    fn has_errno(&self, wanted: impl Fn(Errno) -> bool) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let errno = error.downcast_ref().and_then(Errno::from_io_error);
            if errno.is_some_and(&wanted) {
                return true;
            }
            cause = error.source();
        }
        false
    }

    pub(super) fn event(&self) -> Event {
        Event::SpawnFailed {
            exit_code: self.exit_code(),
            reason: with_causes(self),
        }
    }
}

/// Whether no child could be made, or it could not begin, for want of memory, processes or
/// descriptors. What it fails at of the program's own is the program's: its directory, its limits, its
/// file.
pub(super) fn is_spawn_shortage(error: SpawnError) -> bool {
    is_of_every_program(error.stage) && is_shortage(error.source)
}

fn is_of_every_program(stage: Stage) -> bool {
    match stage {
        Stage::Block
        | Stage::Clone
        | Stage::Session
        | Stage::Descriptors
        | Stage::Stat
        | Stage::Signals => true,
        Stage::Terminal | Stage::Directory | Stage::Nice | Stage::Limit | Stage::Execute => false,
    }
}

fn is_of_disk(errno: Errno) -> bool {
    matches!(errno, Errno::NOSPC | Errno::DQUOT)
}

/// Whether descriptors, memory, processes or room on a disk have run out.
pub(super) fn is_shortage(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::MFILE
            | Errno::NFILE
            | Errno::NOMEM
            | Errno::NOBUFS
            | Errno::AGAIN
            | Errno::NOSPC
            | Errno::DQUOT
    )
}

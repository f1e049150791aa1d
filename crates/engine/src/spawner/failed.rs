//! Why a program did not start: all of it becomes the reason in its row.

use std::io;

use hostledger_keeper::KeeperError;
use hostledger_lifecycle::process::Event;
use hostledger_model::{ProcessId, with_causes};
use hostledger_process::{ChildrenError, InvalidLaunch, LaunchError, LogError, TerminalError};

#[derive(Debug, thiserror::Error)]
pub(super) enum StartFailed {
    #[error(transparent)]
    Invalid(#[from] InvalidLaunch),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Log(#[from] LogError),
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

    pub(super) fn event(&self) -> Event {
        Event::SpawnFailed {
            exit_code: self.exit_code(),
            reason: with_causes(self),
        }
    }
}

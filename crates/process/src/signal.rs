//! A signal to one process that is held, and its end.

use std::io;
use std::time::Duration;

use hostledger_model::Pid;
use hostledger_sys::{Pidfd, Signal};
use rustix::io::Errno;

use crate::identity::{is_errno, model_pid};

/// Why a signal could not be sent, or its effect not be seen.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
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
    /// It cannot be waited for.
    #[error("cannot wait for process {pid}")]
    Wait {
        /// For whom.
        pid: Pid,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// Sends a signal; says whether the process was alive to get it. A zombie is not.
///
/// # Errors
/// When it is not allowed.
pub fn send_signal(process: &Pidfd, signal: Signal) -> Result<bool, SignalError> {
    let alive = !wait_ended(process, Some(Duration::ZERO))?;
    match process.send_signal(signal) {
        Ok(()) => Ok(alive),
        Err(error) if is_errno(&error, &[Errno::SRCH]) => Ok(false),
        Err(source) => Err(SignalError::Refused {
            signal,
            pid: pid_of(process),
            source,
        }),
    }
}

/// Waits for a process to end, for `timeout` at most (`None`: for ever); says whether it has.
///
/// # Errors
/// When it cannot be waited for.
pub fn wait_ended(process: &Pidfd, timeout: Option<Duration>) -> Result<bool, SignalError> {
    let ended = process.wait_ended(timeout);
    ended.map_err(|source| SignalError::Wait {
        pid: pid_of(process),
        source,
    })
}

fn pid_of(process: &Pidfd) -> Pid {
    model_pid(process.pid())
}

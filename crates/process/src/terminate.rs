//! Ending a process: asked first, then made.

use std::io;
use std::time::Duration;

use hostledger_model::Pid;
use hostledger_sys::{Pidfd, Signal};
use rustix::io::Errno;

use crate::identity::{is_errno, model_pid};

/// How long after SIGKILL a process may stay: one that waits for a dead disk cannot be ended.
const AFTER_KILL: Duration = Duration::from_secs(2);

/// What became of a process that was to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminated {
    /// It had ended before.
    AlreadyEnded,
    /// It ended on SIGTERM.
    Ended,
    /// It did not within the grace period, and SIGKILL ended it.
    Killed,
    /// SIGKILL is sent but it has not ended: the kernel has it in a sleep nothing interrupts.
    Survived,
}

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

/// Asks a process to end by SIGTERM, waits for `grace`, and ends it by SIGKILL.
///
/// It returns as soon as the process has ended; a zombie that nobody has reaped has. SIGCONT
/// goes after SIGTERM, as a stopped process would not see it otherwise.
///
/// # Errors
/// When it is not allowed.
pub fn terminate(process: &Pidfd, grace: Duration) -> Result<Terminated, SignalError> {
    if !send_signal(process, Signal::TERM)? {
        return Ok(Terminated::AlreadyEnded);
    }
    send_signal(process, Signal::CONT)?;
    if wait_ended(process, Some(grace))? {
        return Ok(Terminated::Ended);
    }
    if !send_signal(process, Signal::KILL)? {
        return Ok(Terminated::Ended);
    }
    if wait_ended(process, Some(AFTER_KILL))? {
        Ok(Terminated::Killed)
    } else {
        Ok(Terminated::Survived)
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

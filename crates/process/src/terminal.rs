//! Standing behind a program that has our terminal, as if we were not there.
//!
//! The program is our child in our own process group, so the terminal's keys reach both. It is
//! the program that answers them; we only follow: we ignore what the keys send, stop when it
//! has stopped (so that the shell above takes the terminal back), and go on with it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use hostledger_model::Termination;
use hostledger_sys::{
    Action, Change, Pidfd, Signal, SignalActions, is_still_stopped, stop_self,
    wait_ended_or_stopped,
};
use procfs::process::Process;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::end::{known, witnessed};
use crate::identity::is_errno;
use crate::{EndStatus, Means};

const TERMINAL: &str = "/dev/tty";

/// Our place behind a program on the terminal; begin it before the program is launched.
///
/// Meanwhile this process ignores SIGINT, SIGQUIT, SIGTSTP, SIGTTIN and SIGTTOU: they are sent
/// to the whole process group, and a program that handles Ctrl-Z itself must not find us
/// stopped. What was before comes back when this is dropped. A launch resets signals, so the
/// program does not inherit this.
#[derive(Debug)]
pub struct TerminalGuard {
    _actions: SignalActions,
    terminal: Option<(File, Termios)>,
}

/// Why a program on the terminal cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Signal actions cannot be changed.
    #[error("cannot change signal actions")]
    Actions {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The program cannot be waited for.
    #[error("cannot wait for the program on the terminal")]
    Wait {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// We cannot stop with it, or it cannot be made to go on.
    #[error("cannot follow the program's {signal}")]
    Follow {
        /// What stopped it, or SIGCONT.
        signal: Signal,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl TerminalGuard {
    /// Steps behind; remembers the terminal's modes, when there is a terminal.
    ///
    /// # Errors
    /// When signal actions cannot be changed.
    pub fn begin() -> Result<Self, TerminalError> {
        let ignored = [
            Signal::INT,
            Signal::QUIT,
            Signal::TSTP,
            Signal::TTIN,
            Signal::TTOU,
        ];
        let actions = SignalActions::set(&ignored.map(|signal| (signal, Action::Ignore)))
            .map_err(|source| TerminalError::Actions { source })?;
        Ok(Self {
            _actions: actions,
            terminal: terminal_modes(),
        })
    }

    /// Blocks until the program has ended; the zombie stays, for the caller to write the end down
    /// and then reap it.
    ///
    /// Whenever the program stops, this process stops by the same signal, and when it is
    /// continued (by the shell's `fg` or `bg`) the program is as well. A program ended by a
    /// signal cannot tidy up, so the terminal's modes are put back then.
    ///
    /// # Errors
    /// See [`TerminalError`]. Signals for the program (SIGTERM, SIGHUP) are passed on by another
    /// thread through a clone of its descriptor.
    pub fn wait(&self, program: &Pidfd) -> Result<EndStatus, TerminalError> {
        let status = loop {
            match wait_ended_or_stopped(program) {
                Ok(Change::Ended(ended)) => break known(&ended),
                Ok(Change::Stopped(signal)) => follow_stop(program, signal)?,
                Err(error) if is_errno(&error, &[Errno::CHILD]) => {
                    // Whether the modes are put back depends on it, and no record.
                    break witnessed(Means::all(), program);
                }
                Err(source) => return Err(TerminalError::Wait { source }),
            }
        };
        if let Some(Termination::Signaled(_)) = status.termination() {
            self.restore_modes();
        }
        Ok(status)
    }

    /// Only from the foreground: a program in the background has no business with the modes.
    fn restore_modes(&self) {
        let Some((terminal, modes)) = &self.terminal else {
            return;
        };
        let restored = match in_foreground() {
            Ok(true) => tcsetattr(terminal, OptionalActions::Drain, modes).map_err(io::Error::from),
            Ok(false) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        };
        if let Err(error) = restored {
            tracing::warn!(%error, "cannot put the terminal's modes back");
        }
    }
}

/// Whether our process group has the terminal.
///
/// By numbers of one file: in a pid namespace our group can be one from outside, which has the
/// number 0 there, and rustix cannot express that.
pub(crate) fn in_foreground() -> procfs::ProcResult<bool> {
    let stat = Process::myself()?.stat()?;
    Ok(stat.pgrp == stat.tpgid)
}

fn terminal_modes() -> Option<(File, Termios)> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    // No controlling terminal is the usual case outside of a login; there is nothing to keep then.
    let terminal = rustix::fs::open(TERMINAL, flags, Mode::empty()).ok()?;
    let modes = tcgetattr(terminal.as_fd()).ok()?;
    Some((File::from(terminal), modes))
}

/// Stops with the program and goes on with it.
fn follow_stop(program: &Pidfd, signal: Signal) -> Result<(), TerminalError> {
    let failed = |signal| move |source| TerminalError::Follow { signal, source };
    {
        // The one signal by which it stopped has to stop us as well, this once; SIGSTOP always does.
        let _default = if signal == Signal::STOP {
            None
        } else {
            let actions = SignalActions::set(&[(signal, Action::Default)]);
            Some(actions.map_err(failed(signal))?)
        };
        stop_self(signal).map_err(failed(signal))?;
    }
    // The shell continues the whole group, the program first. To continue it once more would
    // undo a Ctrl-Z that came in between; only if we alone were continued it is ours to do.
    let stopped = is_still_stopped(program).map_err(|source| TerminalError::Wait { source })?;
    if !stopped {
        return Ok(());
    }
    program
        .send_signal(Signal::CONT)
        .map_err(failed(Signal::CONT))
}

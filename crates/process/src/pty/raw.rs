//! The user's terminal while every key goes to the program.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use crate::terminal::in_foreground;

/// A terminal in raw mode; its modes come back when this is dropped. Anything else stays as it is.
pub(super) struct RawTerminal<'a> {
    terminal: BorrowedFd<'a>,
    before: Option<Termios>,
}

impl<'a> RawTerminal<'a> {
    pub(super) fn begin(terminal: BorrowedFd<'a>) -> Result<Self, Errno> {
        let before = match tcgetattr(terminal) {
            Ok(modes) => Some(modes),
            // EIO: it was hung up, and has no modes any more.
            Err(Errno::NOTTY | Errno::IO) => None,
            Err(errno) => return Err(errno),
        };
        let raw = Self { terminal, before };
        raw.enter()?;
        Ok(raw)
    }

    /// Makes it raw, also again after others had it. In the background this stops us (SIGTTOU)
    /// until we are in the foreground.
    pub(super) fn enter(&self) -> Result<(), Errno> {
        let Some(mut modes) = self.before.clone() else {
            return Ok(());
        };
        modes.make_raw();
        set(self.terminal, &modes)
    }

    /// A background process has no business with the modes of the terminal that controls it.
    fn restore(&self) -> io::Result<()> {
        let Some(modes) = &self.before else {
            return Ok(());
        };
        let controls_us = tcgetpgrp(self.terminal) != Err(Errno::NOTTY);
        if controls_us && !in_foreground().map_err(io::Error::other)? {
            return Ok(());
        }
        Ok(set(self.terminal, modes)?)
    }
}

impl Drop for RawTerminal<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.restore() {
            tracing::warn!(%error, "cannot put the terminal's modes back");
        }
    }
}

fn set(terminal: BorrowedFd<'_>, modes: &Termios) -> Result<(), Errno> {
    loop {
        // Now, not when all is written: that can wait for ever for a terminal nobody reads.
        match tcsetattr(terminal, OptionalActions::Now, modes) {
            Err(Errno::INTR) => {}
            // It was hung up.
            Ok(()) | Err(Errno::IO) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
}

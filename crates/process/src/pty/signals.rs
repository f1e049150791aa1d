//! Signals that tell of a change of the user's terminal.

use std::io::{self, PipeReader, pipe};
use std::os::fd::{AsFd, BorrowedFd};

use hostledger_sys::Signal;
use rustix::io::{Errno, ioctl_fionbio};
use signal_hook::SigId;
use signal_hook::low_level::{pipe as signal_pipe, unregister};

/// Readable when the terminal may have another size (SIGWINCH) or may have been somebody else's
/// meanwhile (SIGCONT).
///
/// By handlers, which whoever else in this process wants these signals keeps beside ours. A
/// signalfd(2) would want them blocked in every thread, those of an embedding program included.
pub(super) struct TerminalSignals {
    come: PipeReader,
    handlers: Vec<SigId>,
}

impl TerminalSignals {
    pub(super) fn begin() -> io::Result<Self> {
        let (come, note) = pipe()?;
        ioctl_fionbio(&come, true)?;
        let mut signals = Self {
            come,
            handlers: Vec::new(),
        };
        for signal in [Signal::WINCH, Signal::CONT] {
            // It makes its end non-blocking.
            let handler = signal_pipe::register(signal.number(), note.try_clone()?)?;
            signals.handlers.push(handler);
        }
        Ok(signals)
    }

    /// Forgets those that have come.
    pub(super) fn take(&self) -> Result<(), Errno> {
        let mut bytes = [0; 256];
        loop {
            match rustix::io::read(&self.come, &mut bytes) {
                Ok(1..) | Err(Errno::INTR) => {}
                Ok(0) | Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl AsFd for TerminalSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.come.as_fd()
    }
}

impl Drop for TerminalSignals {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            unregister(handler);
        }
    }
}

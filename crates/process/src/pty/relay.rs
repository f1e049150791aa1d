//! Standing between a program on a terminal of ours and the user's terminal.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use hostledger_sys::{Action, Signal, SignalActions};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::termios::{LocalModes, SpecialCodeIndex, isatty, tcgetattr};

use super::raw::RawTerminal;
use super::signals::TerminalSignals;
use super::{PtyError, PtyMaster};
use crate::RelayError;
use crate::output::write_all;

const BLOCK: usize = 16 * 1024;

/// What an ended program can have left is less: the kernel keeps two buffers of 8 KiB, and 4 KiB in
/// the line discipline (drivers/tty/pty.c, n_tty.c).
const LEFT_AT_END: u64 = 64 * 1024;

impl PtyMaster {
    /// Passes what comes from `input` to the program and what it shows to `output`, and appends
    /// the same to `log`, byte for byte, until `ended` is readable and all that was shown by then
    /// is passed on. Says how many bytes were shown.
    ///
    /// Where `input` is a terminal, it is raw meanwhile, so that Ctrl-C and Ctrl-Z are the
    /// program's; its modes come back in any case, and SIGTSTP is ignored until they have. The program's terminal has the size of the
    /// user's, whenever that changes. Where `input` ends, the program is told as by Ctrl-D. What
    /// cannot be logged is shown all the same.
    ///
    /// `ended` is the program's pidfd, or an eventfd(2). What others show that still hold the
    /// terminal then is not waited for. Memory does not grow with the output, and nothing happens
    /// while nothing is typed or shown.
    ///
    /// # Errors
    /// See [`PtyError`]; [`PtyError::ReaderGone`] as soon as `output` says so.
    pub fn relay(
        &self,
        input: impl AsFd,
        output: impl AsFd,
        log: &File,
        ended: impl AsFd,
    ) -> Result<u64, PtyError> {
        let (input, output) = (input.as_fd(), output.as_fd());
        let unblocked = unblocked(input);
        let input = unblocked.as_ref().map_or(input, |input| input.as_fd());
        let no_signals = |source| PtyError::Signals { source };
        let signals = TerminalSignals::begin().map_err(no_signals)?;
        // Keys send it to the program. Stopped by somebody else, we would leave a raw terminal.
        let unstopped =
            SignalActions::set(&[(Signal::TSTP, Action::Ignore)]).map_err(no_signals)?;
        let mut relay = Relay {
            master: self,
            raw: RawTerminal::begin(input).map_err(setup)?,
            _unstopped: unstopped,
            signals,
            input: Some(input),
            output,
            sized: if isatty(input) { input } else { output },
            log,
            log_error: None,
            typed: Vec::new(),
            shown: 0,
            hung_up: false,
        };
        // From here on a change is noticed; before, it may not have been.
        self.copy_size(relay.sized).map_err(setup)?;
        relay.run(ended.as_fd())?;
        match relay.log_error.take() {
            None => Ok(relay.shown),
            Some(source) => {
                let shown = relay.shown;
                Err(PtyError::Log { shown, source })
            }
        }
    }
}

struct Relay<'a> {
    master: &'a PtyMaster,
    raw: RawTerminal<'a>,
    /// Until the modes are back: fields are dropped in their order.
    _unstopped: SignalActions,
    signals: TerminalSignals,
    /// None once nothing more comes.
    input: Option<BorrowedFd<'a>>,
    output: BorrowedFd<'a>,
    /// Whose size the program's terminal has.
    sized: BorrowedFd<'a>,
    log: &'a File,
    /// The first.
    log_error: Option<io::Error>,
    /// Not yet taken by the program's terminal; nothing more is read until it has been.
    typed: Vec<u8>,
    shown: u64,
    /// The program's side was hung up (vhangup(2)): nothing goes through any more.
    hung_up: bool,
}

/// What there is to do.
struct Ready {
    ended: bool,
    signals: bool,
    master: PollFlags,
    input: bool,
}

impl Relay<'_> {
    fn run(&mut self, ended: BorrowedFd<'_>) -> Result<(), PtyError> {
        let mut block = vec![0; BLOCK];
        loop {
            let ready = self.wait(ended)?;
            if ready.signals {
                self.signals.take().map_err(|errno| PtyError::Signals {
                    source: errno.into(),
                })?;
                self.raw.enter().map_err(setup)?;
                self.master.copy_size(self.sized).map_err(setup)?;
            }
            if ready.ended {
                return self.show_rest(&mut block);
            }
            if ready.input {
                self.take_typed(&mut block)?;
            }
            if ready.master.contains(PollFlags::OUT) {
                self.pass_typed()?;
            }
            if ready.master.intersects(!PollFlags::OUT) {
                self.show(&mut block)?;
            }
        }
    }

    fn wait(&self, ended: BorrowedFd<'_>) -> Result<Ready, PtyError> {
        let wanted = if self.typed.is_empty() {
            PollFlags::IN
        } else {
            PollFlags::IN | PollFlags::OUT
        };
        let master = (!self.hung_up).then(|| PollFd::new(&self.master.fd, wanted));
        // Who types faster than the program reads has to wait.
        let input = self.input.filter(|_| self.typed.is_empty());
        let input = input.map(|input| PollFd::from_borrowed_fd(input, PollFlags::IN));
        let (has_master, has_input) = (master.is_some(), input.is_some());
        let mut fds = vec![
            PollFd::from_borrowed_fd(ended, PollFlags::IN),
            PollFd::new(&self.signals, PollFlags::IN),
        ];
        fds.extend(master.into_iter().chain(input));
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => {
                let source = errno.into();
                return Err(PtyError::Wait { source });
            }
        }
        let mut events = fds.iter().map(PollFd::revents);
        let mut next = |there: bool| {
            let events = if there { events.next() } else { None };
            events.unwrap_or(PollFlags::empty())
        };
        Ok(Ready {
            ended: !next(true).is_empty(),
            signals: !next(true).is_empty(),
            master: next(has_master),
            input: !next(has_input).is_empty(),
        })
    }

    fn take_typed(&mut self, block: &mut [u8]) -> Result<(), PtyError> {
        let Some(input) = self.input else {
            return Ok(());
        };
        match rustix::io::read(input, &mut *block) {
            // A pipe has ended, or a terminal has gone.
            Ok(0) | Err(Errno::IO) => {
                self.input = None;
                self.typed = self.end_of_input()?;
            }
            Ok(read) => self.typed.extend(block.iter().take(read)),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(input_failed(errno)),
        }
        Ok(())
    }

    /// As by Ctrl-D: once to end a line that was begun, and once more for the end. A program that
    /// takes every key by itself is told nothing.
    fn end_of_input(&self) -> Result<Vec<u8>, PtyError> {
        // Of the master these are the modes of the other side (tty_ioctl(4)).
        let modes = tcgetattr(&self.master.fd).map_err(setup)?;
        let by_lines = modes.local_modes.contains(LocalModes::ICANON);
        let end = modes.special_codes[SpecialCodeIndex::VEOF];
        Ok(if by_lines { vec![end, end] } else { Vec::new() })
    }

    fn pass_typed(&mut self) -> Result<(), PtyError> {
        match rustix::io::write(&self.master.fd, &self.typed) {
            Ok(written) => drop(self.typed.drain(..written)),
            Err(Errno::IO) => self.hung_up = true,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(input_failed(errno)),
        }
        Ok(())
    }

    /// Only as much as the program can have left: others may go on for ever.
    fn show_rest(&mut self, block: &mut [u8]) -> Result<(), PtyError> {
        let most = self.shown + LEFT_AT_END;
        while self.shown < most && self.show(block)? {}
        Ok(())
    }

    /// Shows and records what is there; says whether there may be more.
    fn show(&mut self, block: &mut [u8]) -> Result<bool, PtyError> {
        let read = match rustix::io::read(&self.master.fd, &mut *block) {
            Ok(0) | Err(Errno::IO) => {
                self.hung_up = true;
                return Ok(false);
            }
            Ok(read) => read,
            Err(Errno::INTR) => return Ok(true),
            Err(Errno::AGAIN) => return Ok(false),
            Err(errno) => {
                let source = errno.into();
                return Err(PtyError::Output { source });
            }
        };
        let part = block.get(..read).unwrap_or_default();
        self.record(part);
        write_all(self.output, part, &mut self.shown)
            .map_err(|error| output_failed(error, self.shown))?;
        Ok(true)
    }

    /// Before it is shown: what nobody sees any more is recorded all the same.
    fn record(&mut self, part: &[u8]) {
        let mut log = self.log;
        if let Err(error) = log.write_all(part) {
            self.log_error.get_or_insert(error);
        }
    }
}

/// A terminal opened once more, so that reading it does not block; the user's shell shares ours.
///
/// Between the notice of a key and the reading of it we can be stopped, and the shell reads it
/// then. None for anything else, which only we read, and where it may not be opened.
fn unblocked(input: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", input.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    isatty(input).then(|| open(path, flags, Mode::empty()).ok())?
}

fn setup(errno: Errno) -> PtyError {
    PtyError::Setup {
        source: errno.into(),
    }
}

fn input_failed(errno: Errno) -> PtyError {
    PtyError::Input {
        source: errno.into(),
    }
}

fn output_failed(error: RelayError, shown: u64) -> PtyError {
    match error {
        RelayError::ReaderGone { .. } => PtyError::ReaderGone { shown },
        RelayError::Write { source } if source.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
            PtyError::ReaderGone { shown }
        }
        RelayError::Write { source } | RelayError::Read { source } => PtyError::Output { source },
        RelayError::Wait { source } => PtyError::Wait { source },
    }
}

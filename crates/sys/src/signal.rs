//! Signals by number and by name, real-time ones included.

use std::fmt;
use std::str::FromStr;

/// A signal number of Linux, 1 to 64 (signal(7)).
///
/// rustix has the named ones only; real-time signals can be sent and can end a process too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// Largest signal number of the kernel (`_NSIG`).
const LAST: i32 = 64;

macro_rules! named_signals {
    ($($constant:ident = $number:path, $name:literal, $what:literal;)*) => {
        impl Signal {
            $(#[doc = $what] pub const $constant: Self = Self($number as u8);)*
        }

        /// Names without `SIG`. The first name of a number is the one shown.
        const NAMES: &[(&str, i32)] = &[$(($name, $number)),*, ("POLL", libc::SIGPOLL), ("IOT", libc::SIGIOT), ("CLD", libc::SIGCHLD)];
    };
}

named_signals! {
    HUP = libc::SIGHUP, "HUP", "The terminal or the controlling process has gone.";
    INT = libc::SIGINT, "INT", "Interrupt from the keyboard (Ctrl-C).";
    QUIT = libc::SIGQUIT, "QUIT", "Quit from the keyboard (Ctrl-\\).";
    ILL = libc::SIGILL, "ILL", "Illegal instruction.";
    TRAP = libc::SIGTRAP, "TRAP", "Breakpoint.";
    ABRT = libc::SIGABRT, "ABRT", "abort(3).";
    BUS = libc::SIGBUS, "BUS", "Bad memory access.";
    FPE = libc::SIGFPE, "FPE", "Arithmetic error.";
    KILL = libc::SIGKILL, "KILL", "End at once; cannot be caught.";
    USR1 = libc::SIGUSR1, "USR1", "For the program's own use.";
    SEGV = libc::SIGSEGV, "SEGV", "Invalid memory reference.";
    USR2 = libc::SIGUSR2, "USR2", "For the program's own use.";
    PIPE = libc::SIGPIPE, "PIPE", "Written to a pipe nobody reads.";
    ALRM = libc::SIGALRM, "ALRM", "alarm(2).";
    TERM = libc::SIGTERM, "TERM", "Please end.";
    STKFLT = libc::SIGSTKFLT, "STKFLT", "Coprocessor stack fault; unused.";
    CHLD = libc::SIGCHLD, "CHLD", "A child ended or stopped.";
    CONT = libc::SIGCONT, "CONT", "Go on if stopped.";
    STOP = libc::SIGSTOP, "STOP", "Stop; cannot be caught.";
    TSTP = libc::SIGTSTP, "TSTP", "Stop from the keyboard (Ctrl-Z).";
    TTIN = libc::SIGTTIN, "TTIN", "A background process reads from the terminal.";
    TTOU = libc::SIGTTOU, "TTOU", "A background process writes to the terminal.";
    URG = libc::SIGURG, "URG", "Urgent data on a socket.";
    XCPU = libc::SIGXCPU, "XCPU", "CPU time limit exceeded.";
    XFSZ = libc::SIGXFSZ, "XFSZ", "File size limit exceeded.";
    VTALRM = libc::SIGVTALRM, "VTALRM", "Virtual timer.";
    PROF = libc::SIGPROF, "PROF", "Profiling timer.";
    WINCH = libc::SIGWINCH, "WINCH", "The terminal's size changed.";
    IO = libc::SIGIO, "IO", "Input or output is possible.";
    PWR = libc::SIGPWR, "PWR", "Power failure.";
    SYS = libc::SIGSYS, "SYS", "Bad system call.";
}

impl Signal {
    /// The signal of this number, when there is one (1 to 64).
    #[must_use]
    pub fn new(number: i32) -> Option<Self> {
        if (1..=LAST).contains(&number) {
            u8::try_from(number).ok().map(Self)
        } else {
            None
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }
}

impl From<Signal> for u8 {
    fn from(signal: Signal) -> Self {
        signal.0
    }
}

/// As `kill -l` shows it: `SIGTERM`, `SIGRTMIN+1`; a number nobody named stays a number.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number();
        if let Some((name, _)) = NAMES.iter().find(|(_, n)| *n == number) {
            return write!(f, "SIG{name}");
        }
        // What a C library keeps for itself below its SIGRTMIN has no name.
        match number - libc::SIGRTMIN() {
            ..0 => write!(f, "{number}"),
            0 => f.write_str("SIGRTMIN"),
            offset => write!(f, "SIGRTMIN+{offset}"),
        }
    }
}

/// A text that names no signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no signal such as TERM, SIGTERM, 15 or RTMIN+1")]
pub struct ParseSignalError {
    /// What was given.
    pub text: String,
}

/// By name with or without `SIG`, in either case, by number, or as `RTMIN+n` and `RTMAX-n`.
impl FromStr for Signal {
    type Err = ParseSignalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let number = if let Some((_, number)) = NAMES.iter().find(|(n, _)| *n == name) {
            Some(*number)
        } else if let Some(offset) = name.strip_prefix("RTMIN") {
            real_time(offset, '+').map(|offset| libc::SIGRTMIN() + offset)
        } else if let Some(offset) = name.strip_prefix("RTMAX") {
            real_time(offset, '-').map(|offset| libc::SIGRTMAX() - offset)
        } else {
            digits(&upper)
        };
        number.and_then(Self::new).ok_or_else(|| ParseSignalError {
            text: text.to_owned(),
        })
    }
}

/// The `n` of `RTMIN+n`: nothing is 0, and it must stay among the real-time signals.
fn real_time(offset: &str, sign: char) -> Option<i32> {
    if offset.is_empty() {
        return Some(0);
    }
    let offset = digits(offset.strip_prefix(sign)?)?;
    (offset <= libc::SIGRTMAX() - libc::SIGRTMIN()).then_some(offset)
}

/// Plain digits: `parse` alone would take `+1` as well.
fn digits(text: &str) -> Option<i32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_read_by_name_number_and_real_time_offset() {
        for text in ["TERM", "SIGTERM", "sigterm", "term", "15"] {
            assert_eq!(text.parse(), Ok(Signal::TERM), "{text}");
        }
        assert_eq!(
            "RTMIN".parse::<Signal>().unwrap().number(),
            libc::SIGRTMIN()
        );
        assert_eq!(
            "SIGRTMIN+1".parse::<Signal>().unwrap().number(),
            libc::SIGRTMIN() + 1
        );
        assert_eq!(
            "RTMAX-2".parse::<Signal>().unwrap().number(),
            libc::SIGRTMAX() - 2
        );
        assert_eq!("POLL".parse(), Ok(Signal::IO));
    }

    #[test]
    fn what_is_no_signal_is_refused_with_its_text() {
        for text in [
            "",
            "0",
            "65",
            "-9",
            "+9",
            "TERMINATE",
            "SIG",
            "RTMIN-1",
            "RTMIN+99",
            "RTMIN+",
            "9 ",
        ] {
            let error = text.parse::<Signal>().unwrap_err();
            assert_eq!(error.text, text);
        }
    }

    #[test]
    fn every_signal_reads_back_from_how_it_is_shown() {
        for number in 1..=LAST {
            let signal = Signal::new(number).unwrap();
            assert_eq!(signal.to_string().parse(), Ok(signal), "{signal}");
        }
        assert_eq!(Signal::KILL.to_string(), "SIGKILL");
        assert_eq!(Signal::IO.to_string(), "SIGIO");
    }
}

//! Signals that ask us to end while a program runs are the program's to answer.

use std::fs;
use std::io;
use std::process;
use std::thread;

use hostledger::{Signal, Worker};
use signal_hook::iterator::{Handle, Signals};

/// What asks a program to end: from the keyboard, from a terminal that closes, by kill(1).
const PASSED_ON: [Signal; 4] = [Signal::INT, Signal::QUIT, Signal::HUP, Signal::TERM];

/// From its making, signals wait to be passed on instead of ending us.
///
/// Made before the launch, so that no signal can end us between the row and its program; made
/// after everything that may take long before it, so that until then a signal just ends us.
pub(crate) struct Forwarding(Signals);

impl Forwarding {
    /// A signal that was ignored when we were started stays ignored, as nohup(1) and a shell's
    /// background jobs want it.
    pub(crate) fn begin() -> io::Result<Self> {
        Ok(Self(heed(&PASSED_ON)?))
    }

    /// Passes every signal on while `work` goes on, those that have waited first. One that comes
    /// again is passed on again.
    pub(crate) fn each_during<T>(
        self,
        pass_on: impl Fn(Signal) + Send,
        work: impl FnOnce() -> T,
    ) -> T {
        let Self(mut signals) = self;
        thread::scope(|scope| {
            let closing = Closing(signals.handle());
            scope.spawn(move || {
                for signal in signals.forever().filter_map(Signal::new) {
                    tracing::debug!(%signal, "passed on");
                    pass_on(signal);
                }
            });
            let done = work();
            drop(closing);
            done
        })
    }
}

/// What asks a worker to end.
const ENDING: [Signal; 3] = [Signal::INT, Signal::HUP, Signal::TERM];

/// From its making, the first signal that asks us to end waits to stop a worker.
pub(crate) struct Stopping(Signals);

impl Stopping {
    /// A signal that was ignored when we were started stays ignored.
    pub(crate) fn begin() -> io::Result<Self> {
        Ok(Self(heed(&ENDING)?))
    }

    /// Stops the worker at the first signal, and ends this program at the second.
    pub(crate) fn during<T>(self, worker: &Worker, work: impl FnOnce(&Worker) -> T) -> T {
        let Self(mut signals) = self;
        thread::scope(|scope| {
            let closing = Closing(signals.handle());
            scope.spawn(move || {
                let mut signals = signals.forever().filter_map(Signal::new);
                if let Some(signal) = signals.next() {
                    tracing::info!(%signal, "the worker is to stop");
                    worker.stop();
                }
                if let Some(signal) = signals.next() {
                    end_at_once(signal);
                }
            });
            let done = work(worker);
            drop(closing);
            done
        })
    }
}

/// As if the signal had ended us: what is written is written, and whoever opens the ledger next
/// sees to the rest.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing is to be waited for, neither threads nor destructors"
)]
fn end_at_once(signal: Signal) -> ! {
    process::exit(128 + signal.number())
}

/// Those of the signals that were not ignored when we were started.
fn heed(signals: &[Signal]) -> io::Result<Signals> {
    let ignored = ignored_signals(&fs::read_to_string("/proc/self/status")?);
    let heeded = signals.iter().map(|signal| signal.number());
    Signals::new(heeded.filter(|number| ignored & (1 << (number - 1)) == 0))
}

/// Ends the iteration over signals when it goes, also by a panic.
struct Closing(Handle);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The set of ignored signals, bit 0 for signal 1, by `SigIgn` of /proc/self/status (proc(5)).
fn ignored_signals(status: &str) -> u64 {
    let digits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    digits
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_proc() {
        let status = "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\n";
        assert_eq!(
            ignored_signals(status),
            1 << 12 | 1,
            "SIGPIPE is 13, SIGHUP 1"
        );
        assert_eq!(ignored_signals("Name:\tx\n"), 0);
    }

    #[test]
    fn the_runtime_of_rust_ignores_a_broken_pipe() {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        assert_ne!(
            ignored_signals(&status) & (1 << (Signal::PIPE.number() - 1)),
            0
        );
    }
}

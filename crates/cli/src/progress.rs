//! How far a long command has come, on a line of its own that is written over.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::printer::Printer;

/// Between two writings, so that they cost nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// A count on standard error, for people at a terminal: none when the results go there as well.
pub(crate) struct Progress {
    what: &'static str,
    count: usize,
    begun: Instant,
    /// None when it is not shown.
    written: Option<Instant>,
}

impl Progress {
    /// Begins to count; `what` says what is counted, such as `queued`.
    pub(crate) fn begin(printer: &Printer, what: &'static str) -> Self {
        let shown = io::stderr().is_terminal() && !printer.is_quiet() && !printer.is_terminal();
        let begun = Instant::now();
        Self {
            what,
            count: 0,
            begun,
            written: shown.then_some(begun),
        }
    }

    /// Counts further ones.
    pub(crate) fn add(&mut self, count: usize) {
        self.count += count;
        if self.written.is_some_and(|at| at.elapsed() >= PAUSE) {
            self.written = Some(Instant::now());
            self.write("");
        }
    }

    /// Leaves the last count standing.
    pub(crate) fn end(&mut self) {
        if self.written.take().is_some() {
            self.write("\n");
        }
    }

    fn write(&self, end: &str) {
        let line = line(self.what, self.count, self.begun.elapsed());
        // Nobody is there to hear that nobody is there.
        let _unread = write!(io::stderr(), "\r{line}\x1b[K{end}");
    }
}

fn line(what: &str, count: usize, elapsed: Duration) -> String {
    let millis = elapsed.as_millis().max(1);
    let rate = count as u128 * 1000 / millis;
    format!("{what} {count} ({rate}/s)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_many_and_how_fast() {
        assert_eq!(
            line("queued", 30_000, Duration::from_millis(1500)),
            "queued 30000 (20000/s)"
        );
        assert_eq!(line("queued", 0, Duration::ZERO), "queued 0 (0/s)");
    }
}

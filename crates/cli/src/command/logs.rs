//! `hostledger logs`: what a process wrote.

use std::io::{self, Write};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use hostledger::model::ProcessStatus;
use hostledger::{Begin, Ledger, LedgerError, Output, Process, Relayed, Stream, Until};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use crate::args::Globals;
use crate::error::OutputLost;
use crate::exit::Exit;
use crate::printer::Printer;

/// How often one who waits for a start looks whether anybody still reads.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  hostledger logs 0198c0de              all of it, stdout to stdout and stderr to stderr
  hostledger logs 0198c0de -n 20        the last 20 lines of each
  hostledger logs 0198c0de -f           all of it, and what comes until it has ended
  hostledger logs 0198c0de --stderr 2>&1 | less";

/// Print what a process wrote, byte for byte; from its record when the log is gone
///
/// The record keeps at most the beginning and the end of what was written. A log that has a bound
/// has lost its oldest part when more was written.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The process: its id or the beginning of it, or pid:N for a running one
    id: String,
    /// Go on with what it writes until it has ended, both streams in the order in which they grow;
    /// a process that is queued is waited for
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u64>,
    /// Only what it wrote to its standard output
    #[arg(long, conflicts_with = "stderr")]
    stdout: bool,
    /// Only what it wrote to its standard error
    #[arg(long)]
    stderr: bool,
}

/// Prints it.
pub(crate) fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let mut process = ledger.process(ledger.find_process(&args.id)?)?;
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let mut streams = Vec::new();
    if !args.stderr {
        streams.push((Stream::Stdout, stdout.as_fd()));
    }
    if !args.stdout {
        streams.push((Stream::Stderr, stderr.as_fd()));
    }
    if args.follow && process.status == ProcessStatus::Queued {
        match started(&ledger, &process, &streams)? {
            Some(started) => process = started,
            None => return Ok(Exit::Success),
        }
    }
    let mut logs = Vec::new();
    for (stream, out) in streams {
        match ledger.output(&process, stream)? {
            Output::Log(_) => logs.push((stream, out)),
            Output::Captured(text) => print(stream, args.part_of(&text), printer)?,
        }
    }
    args.pass_on(&ledger, &process, &logs)?;
    Ok(Exit::Success)
}

impl Args {
    fn part_of<'a>(&self, text: &'a str) -> &'a str {
        self.lines.map_or(text, |lines| last_lines(text, lines))
    }

    fn pass_on(
        &self,
        ledger: &Ledger,
        process: &Process,
        logs: &[(Stream, BorrowedFd<'_>)],
    ) -> Result<(), LedgerError> {
        let begin = self.lines.map_or(Begin::Byte(0), Begin::Lines);
        // What grows comes as it grows; what is there already, one stream after the other.
        let (until, at_once) = if self.follow {
            (Until::Ended, logs.len())
        } else {
            (Until::Now, 1)
        };
        for logs in logs.chunks(at_once.max(1)) {
            // Whoever has gone has read enough.
            if ledger.pass_on(process, logs, begin, until)? == Relayed::ReaderGone {
                break;
            }
        }
        Ok(())
    }
}

/// A process once it has started, or will not; none when nobody reads any more.
fn started(
    ledger: &Ledger,
    process: &Process,
    streams: &[(Stream, BorrowedFd<'_>)],
) -> Result<Option<Process>, LedgerError> {
    loop {
        let started = ledger.wait_started(process.id, Some(LOOK_AGAIN))?;
        if started.is_some() || streams.iter().any(|(_, out)| is_unread(*out)) {
            return Ok(started);
        }
    }
}

/// Whether the other end of a pipe or socket is closed.
fn is_unread(out: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(out, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

fn print(stream: Stream, text: &str, printer: &mut Printer) -> Result<(), OutputLost> {
    match stream {
        Stream::Stdout => {
            let written = printer.raw().write_all(text.as_bytes());
            written.map_err(OutputLost)?;
            printer.flush()
        }
        Stream::Stderr => io::stderr().write_all(text.as_bytes()).map_err(OutputLost),
    }
}

/// The last lines of a text; a last line without its end counts as one.
fn last_lines(text: &str, lines: u64) -> &str {
    let lines = usize::try_from(lines).unwrap_or(usize::MAX);
    let bytes: usize = text
        .split_inclusive('\n')
        .rev()
        .take(lines)
        .map(str::len)
        .sum();
    text.get(text.len() - bytes..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_as_tail_has_them() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
        assert_eq!(last_lines("a\nb", 9), "a\nb");
        assert_eq!(last_lines("a\n\n", 1), "\n");
        assert_eq!(last_lines("a\n", 0), "");
        assert_eq!(last_lines("", 3), "");
    }
}

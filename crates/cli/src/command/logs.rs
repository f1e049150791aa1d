//! `hostledger logs`: what a process wrote.

use std::io::{self, Write};

use hostledger::{Ledger, Output, Process, Stream, tail};

use crate::args::Globals;
use crate::error::OutputLost;
use crate::exit::Exit;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  hostledger logs 0198c0de              all of it, stdout to stdout and stderr to stderr
  hostledger logs 0198c0de -n 20        the last 20 lines of each
  hostledger logs 0198c0de --stderr 2>&1 | less";

/// Print what a process wrote, byte for byte; from its record when the log is gone
///
/// The record keeps at most the beginning and the end of what was written.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The process: its id or the beginning of it, or pid:N for a running one
    id: String,
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
    let process = ledger.process(ledger.find_process(&args.id)?)?;
    if !args.stderr {
        print(&ledger, &process, Stream::Stdout, args.lines, printer.raw())?;
        printer.flush()?;
    }
    if !args.stdout {
        print(
            &ledger,
            &process,
            Stream::Stderr,
            args.lines,
            &mut io::stderr().lock(),
        )?;
    }
    Ok(Exit::Success)
}

fn print(
    ledger: &Ledger,
    process: &Process,
    stream: Stream,
    lines: Option<u64>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match (ledger.output(process, stream)?, lines) {
        (Output::Log(mut log), None) => io::copy(&mut log, out).map(drop),
        (Output::Log(log), Some(lines)) => tail(&log, lines, out).map(drop),
        (Output::Captured(text), None) => out.write_all(text.as_bytes()),
        (Output::Captured(text), Some(lines)) => out.write_all(last_lines(&text, lines).as_bytes()),
    }
    .map_err(OutputLost)?;
    Ok(())
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

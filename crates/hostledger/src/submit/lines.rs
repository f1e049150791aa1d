//! Commands that come as lines of JSON, however many.

use std::io::{self, BufRead, Read as _};
use std::str;
use std::sync::Arc;

use hostledger_model::Process;
use hostledger_model::json::InvalidRequest;

use super::Batch;
use crate::{Ledger, LedgerError};

/// Commands in one transaction.
pub const BATCH_LINES: usize = 10_000;
/// Bytes of lines in one transaction: fewer commands than [`BATCH_LINES`] when they are long.
pub const BATCH_BYTES: usize = 32 << 20;
/// The longest line that is read: more than the kernel takes as arguments (execve(2)).
pub const LONGEST_LINE: usize = 8 << 20;

/// Why a line was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It asks for no command.
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    /// It asks for one that cannot be run.
    #[error(transparent)]
    Command(#[from] LedgerError),
    /// It is too long.
    #[error("it is longer than {LONGEST_LINE} bytes")]
    TooLong,
    /// It is no text.
    #[error("it is not UTF-8, as JSON has to be")]
    NotUtf8(#[from] str::Utf8Error),
}

/// Why not all lines were queued. The commands of earlier batches are.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// A line was refused, and its batch with it.
    #[error(
        "line {line} was refused, and with it those from line {first} on; {queued} commands are queued"
    )]
    Line {
        /// Its number, from 1.
        line: u64,
        /// The first line of its batch.
        first: u64,
        /// How many commands of earlier batches are queued.
        queued: u64,
        /// Why.
        #[source]
        source: Box<LineError>,
    },
    /// The lines could not be read any further.
    #[error(
        "cannot read on after line {line}; those from line {first} on are not queued, {queued} commands are"
    )]
    Read {
        /// The last one that was read.
        line: u64,
        /// The first line of its batch.
        first: u64,
        /// How many commands of earlier batches are queued.
        queued: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A batch could not be queued.
    #[error("what begins with line {first} is not queued; {queued} commands are")]
    Batch {
        /// The first line of the batch.
        first: u64,
        /// How many commands of earlier batches are queued.
        queued: u64,
        /// Why.
        #[source]
        source: Box<LedgerError>,
    },
}

impl LinesError {
    /// What whoever sees this can do about it, in one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Line { line, first, .. } => {
                format!("mend line {line} and submit again from line {first} on")
            }
            Self::Read { first, .. } | Self::Batch { first, .. } => {
                format!("submit again from line {first} on")
            }
        }
    }
}

impl Ledger {
    /// Queues a command for each line of JSON: `{"cmd":["make","test"]}`, with `pwd`, `env`,
    /// `timeout`, `max_attempts`, `retry_at` and `name` where something is to be said of them
    /// (see [`CommandRequest`](hostledger_model::json::CommandRequest)). Blank lines and those
    /// that begin with `#` are passed over.
    ///
    /// Each item is a batch that is queued and durable: [`BATCH_LINES`] commands, or fewer when
    /// they make up [`BATCH_BYTES`] or the input ends. At the first line that cannot be taken its
    /// batch is left out and the iterator ends with an error. A line has
    /// [`LONGEST_LINE`] bytes at most; memory does not grow with the number of lines.
    pub fn submit_lines<R: BufRead>(&self, lines: R) -> SubmitLines<R> {
        SubmitLines {
            ledger: self.clone(),
            lines,
            line: 0,
            queued: 0,
            is_over: false,
        }
    }
}

/// The batches of [`Ledger::submit_lines`].
#[must_use = "nothing is queued before it is iterated"]
pub struct SubmitLines<R> {
    ledger: Ledger,
    lines: R,
    /// The last one that was read.
    line: u64,
    queued: u64,
    is_over: bool,
}

impl<R: BufRead> Iterator for SubmitLines<R> {
    type Item = Result<Arc<[Process]>, LinesError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            let queued = self.next_batch();
            match &queued {
                // There were only blank lines and comments.
                Ok(processes) if processes.is_empty() => continue,
                Ok(processes) => self.queued += processes.len() as u64,
                Err(_) => self.is_over = true,
            }
            return Some(queued);
        }
        None
    }
}

impl<R: BufRead> SubmitLines<R> {
    /// Reads a batch and queues it; an empty one at the end of the input.
    fn next_batch(&mut self) -> Result<Arc<[Process]>, LinesError> {
        let (first, queued) = (self.line + 1, self.queued);
        let failed = |error| LinesError::Batch {
            first,
            queued,
            source: Box::new(error),
        };
        let batch = self.ledger.batch().map_err(failed)?;
        let batch = self.fill(batch, first)?;
        batch.submit().map_err(failed)
    }

    fn fill(&mut self, mut batch: Batch, first: u64) -> Result<Batch, LinesError> {
        let queued = self.queued;
        let mut bytes = 0;
        let mut line = Vec::new();
        while batch.len() < BATCH_LINES && bytes < BATCH_BYTES {
            let read = read_line(&mut self.lines, &mut line);
            let read = read.map_err(|source| LinesError::Read {
                line: self.line,
                first,
                queued,
                source,
            })?;
            if read == 0 {
                self.is_over = true;
                break;
            }
            bytes += read;
            self.line += 1;
            add(&mut batch, &line).map_err(|error| LinesError::Line {
                line: self.line,
                first,
                queued,
                source: Box::new(error),
            })?;
        }
        Ok(batch)
    }
}

/// Reads a line into `line`, or as much of one as shows that it is too long; how many bytes.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    lines.take(LONGEST_LINE as u64 + 1).read_until(b'\n', line)
}

fn add(batch: &mut Batch, line: &[u8]) -> Result<(), LineError> {
    if line.len() > LONGEST_LINE {
        return Err(LineError::TooLong);
    }
    batch.add_line(str::from_utf8(line)?).map(drop)
}

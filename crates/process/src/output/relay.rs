//! Passing log files on while they are written.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::log_files::LogName;
use super::notice::{Notices, Place};
use super::source::Source;

const BLOCK: usize = 64 * 1024;

/// Why a relay ended early.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Whoever read has gone (`EPIPE`): there is nobody to write for.
    #[error("the reader has gone after {relayed} bytes")]
    ReaderGone {
        /// What had been passed on by then.
        relayed: u64,
    },
    /// It cannot be written to.
    #[error("cannot pass output on")]
    Write {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The log cannot be read.
    #[error("cannot read the log")]
    Read {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The log or the end cannot be waited for.
    #[error("cannot wait for the log to grow")]
    Wait {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// What was passed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// How many bytes.
    pub bytes: u64,
    /// How many bytes were removed from the logs before they could be passed on, as far as that is
    /// known.
    pub missed: u64,
}

/// How many bytes were removed from the front of a log so that it became shorter
/// (`FALLOC_FL_COLLAPSE_RANGE` of fallocate(2)), counted after each removal.
pub type DroppedBytes<'a> = &'a (dyn Fn() -> u64 + Sync);

/// Where to begin in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this byte, counted from where the log began, what it has lost since included.
    Byte(u64),
    /// At the last lines that are there.
    Lines(u64),
}

/// A log to be followed, and where it goes.
#[derive(Clone, Copy)]
pub struct Followed<'a> {
    /// The log, open to be read.
    pub log: &'a File,
    /// Where to begin.
    pub begin: Begin,
    /// Written to directly, not through a buffer of the standard library; may be non-blocking.
    pub out: BorrowedFd<'a>,
    /// The name of the log, if what is put in its place is to be followed next.
    pub name: Option<&'a LogName>,
    /// Who counts what is removed from its front. Without a count a removal is noticed by what
    /// was read last being elsewhere: only where a log repeats itself it can be taken for shorter
    /// than it was.
    pub dropped: Option<DroppedBytes<'a>>,
    /// Whether to end as soon as nobody reads `out` any more, a pipe or a socket, and not when
    /// something is to be written to it.
    pub ends_with_reader: bool,
}

impl<'a> Followed<'a> {
    /// A log from its beginning, that nobody cuts or replaces.
    #[must_use]
    pub fn new(log: &'a File, out: BorrowedFd<'a>) -> Self {
        Self {
            log,
            begin: Begin::Byte(0),
            out,
            name: None,
            dropped: None,
            ends_with_reader: false,
        }
    }
}

/// Copies a log to `out` from its beginning, as [`follow`] does.
///
/// # Errors
/// Those of [`follow`].
pub fn relay(log: &File, ended: impl AsFd, out: impl AsFd) -> Result<Passed, RelayError> {
    follow(&[Followed::new(log, out.as_fd())], ended)
}

/// Copies logs as they grow, byte for byte and without waiting for lines, until `ended` is
/// readable and all that was written by then is passed on.
///
/// Several logs come in the order in which they grow, as far as one can tell who looks at each in
/// turn. `ended` is the program's pidfd, or an eventfd(2). What others that still hold a log write
/// after that is not waited for. Memory does not grow with the output. After the first 30 ms, in
/// which the logs are looked at by the clock, nothing happens while nothing is written.
///
/// Holes are passed over. When the front of a log is removed while it is followed, nothing comes
/// twice, and nothing is left out but what went before its turn. What is in a log that was
/// truncated counts as new, all of it. A log that is replaced is read to its end before the file
/// that has its name now.
///
/// # Errors
/// [`RelayError::ReaderGone`] as soon as a write says so, or before
/// ([`Followed::ends_with_reader`]).
pub fn follow(logs: &[Followed<'_>], ended: impl AsFd) -> Result<Passed, RelayError> {
    follow_noticed(logs, Notices::new(), ended.as_fd())
}

fn follow_noticed(
    logs: &[Followed<'_>],
    mut notices: Notices,
    ended: BorrowedFd<'_>,
) -> Result<Passed, RelayError> {
    let sources: io::Result<Vec<_>> = logs.iter().map(Source::new).collect();
    let mut sources = sources.map_err(unreadable)?;
    let mut block = vec![0; BLOCK];
    let mut bytes = 0;
    let mut has_ended = false;
    loop {
        let (mut read_any, mut switched) = (false, false);
        for (source, log) in sources.iter_mut().zip(logs) {
            let read = source.read(&mut block).map_err(unreadable)?;
            write_all(log.out, block.get(..read).unwrap_or_default(), &mut bytes)?;
            read_any |= read > 0;
            // What was put in its place comes when all of this one has.
            switched |= read == 0 && source.switch().map_err(unreadable)?;
        }
        if switched {
            notices.renew(places(&sources))?;
        } else if has_ended && !read_any {
            let missed = sources.iter().map(|source| source.missed).sum();
            return Ok(Passed { bytes, missed });
        }
        let idle = !read_any && !switched;
        // While there is more to read only ask, so that one who writes on for ever is not
        // followed for ever.
        if has_ended {
            continue;
        }
        let readers = logs.iter().filter(|log| log.ends_with_reader);
        let readers = readers.map(|log| log.out);
        let noticed = notices.wait(places(&sources), ended, readers, idle)?;
        if noticed.reader_gone {
            return Err(RelayError::ReaderGone { relayed: bytes });
        }
        if noticed.ended {
            has_ended = true;
            for source in &mut sources {
                source.stop_at_end().map_err(unreadable)?;
            }
        }
    }
}

fn places<'a>(sources: &'a [Source<'_>]) -> impl Iterator<Item = Place<'a>> {
    sources.iter().flat_map(Source::places)
}

fn unreadable(source: io::Error) -> RelayError {
    RelayError::Read { source }
}

/// Adds what is written to `written_bytes`.
pub(crate) fn write_all(
    out: BorrowedFd<'_>,
    mut part: &[u8],
    written_bytes: &mut u64,
) -> Result<(), RelayError> {
    while !part.is_empty() {
        match rustix::io::write(out, part) {
            Ok(written) => {
                part = part.get(written..).unwrap_or_default();
                *written_bytes += written as u64;
            }
            Err(Errno::INTR) => {}
            // Our standard output can be non-blocking because another program that shares it
            // made it so.
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::from_borrowed_fd(out, PollFlags::OUT)];
                match poll(&mut fds, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(errno) => {
                        return Err(RelayError::Wait {
                            source: errno.into(),
                        });
                    }
                }
            }
            Err(Errno::PIPE) => {
                return Err(RelayError::ReaderGone {
                    relayed: *written_bytes,
                });
            }
            Err(errno) => {
                return Err(RelayError::Write {
                    source: errno.into(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, PipeWriter, Read, Write, pipe};

    #[test]
    fn without_notice_from_the_kernel_everything_arrives_as_well() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let (ended, end): (PipeReader, PipeWriter) = pipe().unwrap();
        let (mut shown, out) = pipe().unwrap();
        let reader = log.reopen().unwrap();
        let relaying = std::thread::spawn(move || {
            let log = Followed::new(&reader, out.as_fd());
            follow_noticed(&[log], Notices::Clock, ended.as_fd())
        });
        let mut bytes = [0; 5];
        for part in [b"first", b"again"] {
            log.as_file().write_all(part).unwrap();
            shown.read_exact(&mut bytes).unwrap();
            assert_eq!(&bytes, part);
        }
        drop(end);
        assert_eq!(relaying.join().unwrap().unwrap().bytes, 10);
    }
}

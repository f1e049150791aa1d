//! Passing a log file on while it is written.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

const BLOCK: usize = 64 * 1024;

/// How often to look when the kernel gives no notice (see [`Watch`]).
const WITHOUT_NOTICE: Duration = Duration::from_millis(20);

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

/// Copies a log to `out` from its beginning, as it grows, byte for byte and without waiting for
/// lines, until `ended` is readable and all that was written by then is passed on; says how
/// many bytes that were.
///
/// `ended` is the program's pidfd, or an eventfd(2). What others that still hold the log write
/// after that is not waited for. `out` is written to directly, not through a buffer of the
/// standard library; it may be non-blocking. Memory does not grow with the output. After the
/// first 30 ms, in which the log is looked at by the clock, nothing happens while nothing is
/// written.
///
/// # Errors
/// [`RelayError::ReaderGone`] as soon as a write says so.
pub fn relay(log: &File, ended: impl AsFd, out: impl AsFd) -> Result<u64, RelayError> {
    relay_watched(
        log,
        &mut Watch::Young { pause: FIRST_PAUSE },
        ended.as_fd(),
        out.as_fd(),
    )
}

fn relay_watched(
    log: &File,
    watch: &mut Watch,
    ended: BorrowedFd<'_>,
    out: BorrowedFd<'_>,
) -> Result<u64, RelayError> {
    let mut block = vec![0; BLOCK];
    let mut position = 0;
    // Known once the program has ended: how far to go.
    let mut end = None;
    loop {
        let wanted = end.map_or(BLOCK as u64, |end: u64| end.saturating_sub(position));
        let wanted = usize::try_from(wanted).map_or(BLOCK, |wanted| wanted.min(BLOCK));
        let read = read_at(log, block.get_mut(..wanted).unwrap_or_default(), position)?;
        if let Some(part) = block.get(..read).filter(|part| !part.is_empty()) {
            write_all(out, part, &mut position)?;
        } else if end.is_some() {
            return Ok(position);
        }
        // While there is more to read only ask, so that one who writes on for ever is not
        // followed for ever.
        if end.is_none() && watch.wait(log, ended, read == 0)? {
            let size = log
                .metadata()
                .map_err(|source| RelayError::Read { source })?
                .len();
            end = Some(size);
        }
    }
}

/// Between looks by the clock at the log of a program that has just begun; the pause doubles up to
/// the longest, then the kernel is asked for notice. Not before, as closing an inotify(7) descriptor
/// that has had a watch takes 8 to 16 ms, longer than many a program runs.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// How one learns that a log has grown.
enum Watch {
    /// By the clock, as the program may end any moment.
    Young { pause: Duration },
    /// By notice of the kernel (inotify(7)).
    Notices(OwnedFd),
    /// By the clock, as there is no notice to be had: a user can have 128 of these by default,
    /// fewer than programs.
    Clock,
}

impl Watch {
    fn of(log: &File) -> Result<Self, RelayError> {
        match watch(log) {
            Ok(notices) => Ok(Self::Notices(notices)),
            Err(error @ (Errno::MFILE | Errno::NOSPC | Errno::NOMEM)) => {
                tracing::warn!(%error, "no inotify watch to be had: looking at the log by the clock");
                Ok(Self::Clock)
            }
            Err(errno) => Err(RelayError::Wait {
                source: errno.into(),
            }),
        }
    }

    /// Says whether the program has ended; with `block` only when that is so or the log may have
    /// grown.
    fn wait(&mut self, log: &File, ended: BorrowedFd<'_>, block: bool) -> Result<bool, RelayError> {
        let mut fds = vec![PollFd::from_borrowed_fd(ended, PollFlags::IN)];
        let mut timeout = Some(Duration::ZERO);
        if block {
            match self {
                Self::Young { pause } if *pause <= LONGEST_PAUSE => {
                    timeout = Some(*pause);
                    *pause *= 2;
                }
                // The log is looked at once more: it may have grown before there was notice.
                Self::Young { .. } => *self = Self::of(log)?,
                Self::Notices(notices) => {
                    timeout = None;
                    fds.push(PollFd::new(notices, PollFlags::IN));
                }
                Self::Clock => timeout = Some(WITHOUT_NOTICE),
            }
        }
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => {
                return Err(RelayError::Wait {
                    source: errno.into(),
                });
            }
        }
        let has_ended = fds.first().is_some_and(|ended| !ended.revents().is_empty());
        self.forget_notices()?;
        Ok(has_ended)
    }

    /// What they say is known: that there is something to read.
    fn forget_notices(&self) -> Result<(), RelayError> {
        let Self::Notices(notices) = self else {
            return Ok(());
        };
        let mut bytes = [0; 1024];
        loop {
            match rustix::io::read(notices, &mut bytes) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => {
                    return Err(RelayError::Wait {
                        source: errno.into(),
                    });
                }
            }
        }
    }
}

fn watch(log: &File) -> Result<OwnedFd, Errno> {
    let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    // The very file that is open, whatever its name means now.
    let path = format!("/proc/self/fd/{}", log.as_raw_fd());
    inotify::add_watch(&notices, path, WatchFlags::MODIFY)?;
    Ok(notices)
}

fn read_at(log: &File, block: &mut [u8], position: u64) -> Result<usize, RelayError> {
    loop {
        match log.read_at(block, position) {
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(RelayError::Read { source }),
        }
    }
}

/// Advances `position` by what is written.
fn write_all(out: BorrowedFd<'_>, mut part: &[u8], position: &mut u64) -> Result<(), RelayError> {
    while !part.is_empty() {
        match rustix::io::write(out, part) {
            Ok(written) => {
                part = part.get(written..).unwrap_or_default();
                *position += written as u64;
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
            Err(Errno::PIPE) => return Err(RelayError::ReaderGone { relayed: *position }),
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
            relay_watched(&reader, &mut Watch::Clock, ended.as_fd(), out.as_fd())
        });
        let mut bytes = [0; 5];
        for part in [b"first", b"again"] {
            log.as_file().write_all(part).unwrap();
            shown.read_exact(&mut bytes).unwrap();
            assert_eq!(&bytes, part);
        }
        drop(end);
        assert_eq!(relaying.join().unwrap().unwrap(), 10);
    }
}

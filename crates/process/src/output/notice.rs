//! How one learns that a log has changed.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::RelayError;

/// How often to look when the kernel gives no notice.
const WITHOUT_NOTICE: Duration = Duration::from_millis(20);

/// Between looks by the clock at the log of a program that has just begun; the pause doubles up to
/// the longest, then the kernel is asked for notice. Not before, as closing an inotify(7) descriptor
/// that has had a watch takes 8 to 16 ms, longer than many a program runs.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// What is to be noticed.
pub(super) enum Place<'a> {
    /// A log that is written to, truncated or cut; with `name` also that it is moved or removed.
    Log {
        /// The very file that is open, whatever its name means now.
        file: &'a File,
        /// Whether its name matters.
        named: bool,
    },
    /// A directory in which a log is to appear again.
    Directory(BorrowedFd<'a>),
}

/// How one learns that something has changed at some places.
pub(super) enum Notices {
    /// By the clock, as the program may end any moment.
    Young {
        /// Until the next look.
        pause: Duration,
    },
    /// By the kernel (inotify(7)).
    Kernel(OwnedFd),
    /// By the clock, as there is no notice to be had: a user can have 128 of these by default,
    /// fewer than programs.
    Clock,
}

/// What has happened, other than to logs.
pub(super) struct Noticed {
    /// The program has ended.
    pub(super) ended: bool,
    /// One who reads what is passed on reads no more.
    pub(super) reader_gone: bool,
}

impl Notices {
    /// By the clock for a moment, then by the kernel.
    pub(super) fn new() -> Self {
        Self::Young { pause: FIRST_PAUSE }
    }

    /// Says whether `ended` is readable, and whether one of the `readers` has gone; with `block`
    /// only when one of them is so or something may have changed at `places`.
    pub(super) fn wait<'a>(
        &mut self,
        places: impl Iterator<Item = Place<'a>>,
        ended: BorrowedFd<'a>,
        readers: impl Iterator<Item = BorrowedFd<'a>>,
        block: bool,
    ) -> Result<Noticed, RelayError> {
        let mut fds = vec![PollFd::from_borrowed_fd(ended, PollFlags::IN)];
        // That nobody is at the other end any more is told without being asked for (poll(2)).
        fds.extend(readers.map(|out| PollFd::from_borrowed_fd(out, PollFlags::empty())));
        let readers = fds.len();
        let mut timeout = Some(Duration::ZERO);
        if block {
            match self {
                Self::Young { pause } if *pause <= LONGEST_PAUSE => {
                    timeout = Some(*pause);
                    *pause *= 2;
                }
                // The logs are looked at once more: they may have changed before there was notice.
                Self::Young { .. } => *self = Self::of(places)?,
                Self::Kernel(notices) => {
                    timeout = None;
                    fds.push(PollFd::new(notices, PollFlags::IN));
                }
                Self::Clock => timeout = Some(WITHOUT_NOTICE),
            }
        }
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let tells = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let noticed = Noticed {
            ended: fds.first().is_some_and(tells),
            reader_gone: fds.iter().take(readers).skip(1).any(tells),
        };
        self.forget()?;
        Ok(noticed)
    }

    /// Other places than before: whoever calls this looks at them before waiting.
    pub(super) fn renew<'a>(
        &mut self,
        places: impl Iterator<Item = Place<'a>>,
    ) -> Result<(), RelayError> {
        if let Self::Kernel(_) = self {
            *self = Self::of(places)?;
        }
        Ok(())
    }

    fn of<'a>(places: impl Iterator<Item = Place<'a>>) -> Result<Self, RelayError> {
        match watch(places) {
            Ok(notices) => Ok(Self::Kernel(notices)),
            Err(error @ (Errno::MFILE | Errno::NOSPC | Errno::NOMEM)) => {
                tracing::warn!(%error, "no inotify watch to be had: looking at the log by the clock");
                Ok(Self::Clock)
            }
            Err(errno) => Err(failed(errno)),
        }
    }

    /// What they say is known: that there is something to look at.
    fn forget(&self) -> Result<(), RelayError> {
        let Self::Kernel(notices) = self else {
            return Ok(());
        };
        let mut bytes = [0; 1024];
        loop {
            match rustix::io::read(notices, &mut bytes) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(failed(errno)),
            }
        }
    }
}

fn failed(errno: Errno) -> RelayError {
    RelayError::Wait {
        source: errno.into(),
    }
}

fn watch<'a>(places: impl Iterator<Item = Place<'a>>) -> Result<OwnedFd, Errno> {
    let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    for place in places {
        let (fd, changes) = match &place {
            // A file that is open is not deleted when its name is: its link count changes.
            Place::Log { file, named: true } => (
                file.as_fd(),
                WatchFlags::MODIFY | WatchFlags::MOVE_SELF | WatchFlags::ATTRIB,
            ),
            Place::Log { file, named: false } => (file.as_fd(), WatchFlags::MODIFY),
            Place::Directory(fd) => (*fd, WatchFlags::CREATE | WatchFlags::MOVED_TO),
        };
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        inotify::add_watch(&notices, path, changes)?;
    }
    Ok(notices)
}

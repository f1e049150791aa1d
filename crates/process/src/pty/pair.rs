//! The pseudo-terminal itself (pty(7)).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use super::PtyError;

/// A pseudo-terminal: one side for a program, one for us.
#[derive(Debug)]
pub struct Pty {
    /// The program's side: its descriptors 0, 1 and 2, and its controlling terminal
    /// ([`Session::Terminal`](crate::Session::Terminal)). Closed here once it is launched.
    pub terminal: OwnedFd,
    /// Our side, which has to live as long as the program: when it is closed, the program gets
    /// SIGHUP.
    pub master: PtyMaster,
}

/// Our side of a pseudo-terminal: what is read here is what the program shows.
#[derive(Debug)]
pub struct PtyMaster {
    /// Never blocks.
    pub(super) fd: OwnedFd,
    /// The other side once more, so that a program that closes its terminal for a moment does not
    /// lose it.
    _terminal: OwnedFd,
}

impl Pty {
    /// Opens one; where `like` is a terminal, with its modes and its size.
    ///
    /// # Errors
    /// [`PtyError::Open`].
    pub fn open(like: impl AsFd) -> Result<Self, PtyError> {
        Self::open_like(like.as_fd()).map_err(|errno| PtyError::Open {
            source: errno.into(),
        })
    }

    fn open_like(like: BorrowedFd<'_>) -> Result<Self, Errno> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let fd = openpt(flags)?;
        grantpt(&fd)?;
        unlockpt(&fd)?;
        // Not by its name, which means another one where another devpts is mounted.
        let terminal = ioctl_tiocgptpeer(&fd, flags)?;
        fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
        match tcgetattr(like) {
            Ok(modes) => tcsetattr(&terminal, OptionalActions::Now, &modes)?,
            Err(Errno::NOTTY) => {}
            Err(errno) => return Err(errno),
        }
        let master = PtyMaster {
            fd,
            _terminal: terminal
                .try_clone()
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::MFILE))?,
        };
        master.copy_size(like)?;
        Ok(Self { terminal, master })
    }
}

impl PtyMaster {
    /// Makes it as large as another terminal; its foreground gets SIGWINCH if that is a change.
    pub(super) fn copy_size(&self, like: BorrowedFd<'_>) -> Result<(), Errno> {
        match tcgetwinsize(like) {
            Ok(size) => tcsetwinsize(&self.fd, size),
            Err(Errno::NOTTY) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

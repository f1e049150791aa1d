//! A descriptor that means one process, whoever gets its number later (pidfd_open(2)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::Signal;
use crate::wait::{last_errno, peek_ended};

/// Magic number of pidfs in statfs(2) (`PID_FS_MAGIC`, Linux 6.9).
const PID_FS_MAGIC: u32 = 0x5049_4446;
/// `PIDFD_SIGNAL_PROCESS_GROUP` of pidfd_send_signal(2) (Linux 6.9).
const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;

/// A process, held by a descriptor; closed on exec.
///
/// It goes on meaning that process when the process has ended and its number is used again.
#[derive(Debug)]
pub struct Pidfd {
    fd: OwnedFd,
    pid: Pid,
}

/// Why a process group could not be signalled through its leader's pidfd.
#[derive(Debug, thiserror::Error)]
pub enum GroupSignalError {
    /// The kernel is older than 6.9 and knows no such flag.
    #[error("this kernel cannot signal a process group through a pidfd")]
    Unsupported,
    /// The kernel refused; `ESRCH` when nobody is left in the group.
    #[error("cannot signal process group {pgid}")]
    Refused {
        /// The group, which is the pid of its leader.
        pgid: i32,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl Pidfd {
    /// Of the process that has this number now, a zombie included.
    ///
    /// # Errors
    /// `ESRCH` when there is none; `EMFILE`, `ENFILE` when descriptors run out.
    pub fn open(pid: Pid) -> io::Result<Self> {
        let fd = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self { fd, pid })
    }

    /// Of a descriptor that came with the number, from clone(2) or over a socket.
    #[must_use]
    pub fn from_parts(fd: OwnedFd, pid: Pid) -> Self {
        Self { fd, pid }
    }

    /// The number it was opened by.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// A second descriptor of the same process.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn try_clone(&self) -> io::Result<Self> {
        let fd = self.fd.try_clone()?;
        Ok(Self { fd, pid: self.pid })
    }

    /// The inode, which no other process gets until reboot; `None` before Linux 6.9, where all
    /// pidfds share one.
    ///
    /// # Errors
    /// Those of fstat(2) and fstatfs(2), none of which a pidfd is known to give.
    pub fn inode(&self) -> io::Result<Option<u64>> {
        let magic = rustix::fs::fstatfs(&self.fd)?.f_type;
        // The type of f_type differs between architectures; the magic is its low 32 bits.
        if magic as u32 != PID_FS_MAGIC {
            return Ok(None);
        }
        Ok(Some(rustix::fs::fstat(&self.fd)?.st_ino))
    }

    /// Sends a signal to exactly this process.
    ///
    /// # Errors
    /// `ESRCH` when it has been reaped (a zombie takes any signal), `EPERM` when it is not ours.
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        Ok(self.pidfd_send_signal(signal.number(), 0)?)
    }

    /// Whether it has not been reaped yet, which pins its number to it.
    ///
    /// # Errors
    /// Those of pidfd_send_signal(2) other than `ESRCH` and `EPERM`, which answer the question.
    pub fn is_unreaped(&self) -> io::Result<bool> {
        match self.pidfd_send_signal(0, 0) {
            Ok(()) | Err(Errno::PERM) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends a signal to the process group that this process leads or led, without any window
    /// in which the number could mean another one.
    ///
    /// # Errors
    /// [`GroupSignalError::Unsupported`] before Linux 6.9.
    pub fn send_signal_to_group(&self, signal: Signal) -> Result<(), GroupSignalError> {
        self.pidfd_send_signal(signal.number(), PIDFD_SIGNAL_PROCESS_GROUP)
            .map_err(|errno| match errno {
                Errno::INVAL => GroupSignalError::Unsupported,
                errno => self.group_refused(errno),
            })
    }

    /// Whether anybody is left in the process group that this process leads or led; a zombie
    /// counts until it is reaped. `None` before Linux 6.9.
    ///
    /// # Errors
    /// Those of pidfd_send_signal(2) other than the ones that answer the question.
    pub fn group_has_members(&self) -> io::Result<Option<bool>> {
        match self.pidfd_send_signal(0, PIDFD_SIGNAL_PROCESS_GROUP) {
            Ok(()) | Err(Errno::PERM) => Ok(Some(true)),
            Err(Errno::SRCH) => Ok(Some(false)),
            Err(Errno::INVAL) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends a signal to the process group led by a child of ours that is not reaped yet: works
    /// on every kernel.
    ///
    /// The zombie (or the live child) pins its number, so the group of that number is its own.
    /// The caller keeps it from being reaped meanwhile: nobody else in this program may wait for it.
    ///
    /// # Errors
    /// [`GroupSignalError::Refused`] with `ECHILD` when it is no unreaped child of ours.
    pub fn send_signal_to_group_of_child(&self, signal: Signal) -> Result<(), GroupSignalError> {
        peek_ended(&self.fd).map_err(|source| GroupSignalError::Refused {
            pgid: self.pid.as_raw_pid(),
            source,
        })?;
        // SAFETY: takes two numbers and touches no memory.
        let sent = unsafe { libc::killpg(self.pid.as_raw_pid(), signal.number()) };
        if sent == 0 {
            Ok(())
        } else {
            Err(self.group_refused(last_errno()))
        }
    }

    /// Blocks until the process has ended, or `timeout` has passed (`None`: for ever); says
    /// whether it has ended. A zombie has.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn wait_ended(&self, timeout: Option<Duration>) -> io::Result<bool> {
        // A deadline beyond what the clock can hold is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
            match poll(&mut fds, left.as_ref()) {
                Ok(0) if left.is_some() => return Ok(false),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    pub(crate) fn pidfd_send_signal(
        &self,
        signal: libc::c_int,
        flags: libc::c_uint,
    ) -> Result<(), Errno> {
        // SAFETY: no siginfo is passed, so no memory is touched.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.fd.as_raw_fd(),
                signal,
                std::ptr::null::<libc::siginfo_t>(),
                flags,
            )
        };
        if sent == 0 { Ok(()) } else { Err(last_errno()) }
    }

    pub(crate) fn knows_group_signal(&self) -> bool {
        self.pidfd_send_signal(0, PIDFD_SIGNAL_PROCESS_GROUP) != Err(Errno::INVAL)
    }

    fn group_refused(&self, errno: Errno) -> GroupSignalError {
        GroupSignalError::Refused {
            pgid: self.pid.as_raw_pid(),
            source: errno.into(),
        }
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Pidfd> for OwnedFd {
    fn from(pidfd: Pidfd) -> Self {
        pidfd.fd
    }
}

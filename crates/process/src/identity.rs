//! The exact identity of a live process.

use std::io;

use hostledger_model::{Pid, ProcessIdentity, StartTicks};
use hostledger_sys::Pidfd;
use procfs::ProcError;
use procfs::process::{Process, Stat};
use rustix::io::Errno;

use crate::PidSpace;

/// Why a process's identity is not known.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No process has this number, or it ended while it was looked at.
    #[error("no process has pid {pid}")]
    NoProcess {
        /// The number.
        pid: Pid,
    },
    /// No descriptor of it can be had, or it tells nothing.
    #[error("cannot hold process {pid} by a descriptor")]
    Pidfd {
        /// The number.
        pid: Pid,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Its `/proc/<pid>/stat` cannot be read.
    #[error("cannot read /proc/{pid}/stat")]
    Stat {
        /// The number.
        pid: Pid,
        /// What procfs said.
        #[source]
        source: ProcError,
    },
    /// Another file of its directory in /proc cannot be read.
    #[error("cannot read /proc/{pid}/{file}")]
    Unreadable {
        /// The number.
        pid: Pid,
        /// Which file.
        file: &'static str,
        /// What procfs said.
        #[source]
        source: ProcError,
    },
}

impl PidSpace {
    /// Who has this pid now, with a descriptor to act on exactly that process.
    ///
    /// # Errors
    /// [`IdentityError::NoProcess`] when nobody has it.
    pub fn identify(&self, pid: Pid) -> Result<(ProcessIdentity, Pidfd), IdentityError> {
        let held = open(pid)?.ok_or(IdentityError::NoProcess { pid })?;
        let stat = stat_of(&held, pid)?.ok_or(IdentityError::NoProcess { pid })?;
        let identity = self.identity(&held, pid, &stat)?;
        Ok((identity, held))
    }

    /// Who we are.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn own_identity(&self) -> Result<ProcessIdentity, IdentityError> {
        let pid = model_pid(rustix::process::getpid());
        Ok(self.identify(pid)?.0)
    }

    /// Puts together what was learnt of one process.
    pub(crate) fn identity(
        &self,
        held: &Pidfd,
        pid: Pid,
        stat: &Stat,
    ) -> Result<ProcessIdentity, IdentityError> {
        let inode = self.inode(held);
        Ok(ProcessIdentity {
            boot_id: self.boot_id.clone(),
            pid_namespace: self.pid_namespace,
            pid,
            start_ticks: StartTicks(stat.starttime),
            pidfd_inode: inode.map_err(|source| IdentityError::Pidfd { pid, source })?,
        })
    }
}

/// A descriptor of whoever has this pid; `None` when nobody has.
pub(crate) fn open(pid: Pid) -> Result<Option<Pidfd>, IdentityError> {
    match Pidfd::open(kernel_pid(pid)) {
        Ok(held) => Ok(Some(held)),
        // The number of a thread that leads no process is refused with EINVAL, by newer kernels
        // with ENOENT.
        Err(error) if is_errno(&error, &[Errno::SRCH, Errno::INVAL, Errno::NOENT]) => Ok(None),
        Err(source) => Err(IdentityError::Pidfd { pid, source }),
    }
}

/// The stat of the process that is held, read by its number; `None` when it has been reaped.
///
/// As long as it is not reaped the number is its own, so asking *afterwards* whether it is
/// settles that the file was its.
pub(crate) fn stat_of(held: &Pidfd, pid: Pid) -> Result<Option<Stat>, IdentityError> {
    let stat = Process::new(pid.get()).and_then(|process| process.stat());
    let unreaped = held.is_unreaped();
    if !unreaped.map_err(|source| IdentityError::Pidfd { pid, source })? {
        return Ok(None);
    }
    stat.map(Some)
        .map_err(|source| IdentityError::Stat { pid, source })
}

pub(crate) fn is_errno(error: &io::Error, any_of: &[Errno]) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| any_of.contains(&errno))
}

#[expect(clippy::expect_used, reason = "a model pid is above 0")]
pub(crate) fn kernel_pid(pid: Pid) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(pid.get()).expect("a pid above 0")
}

#[expect(clippy::expect_used, reason = "rustix gives out pids above 0 only")]
pub(crate) fn model_pid(pid: rustix::process::Pid) -> Pid {
    Pid::new(pid.as_raw_pid()).expect("a pid above 0")
}

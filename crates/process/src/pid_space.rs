//! Where a pid means something: this boot, this pid namespace.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hostledger_model::{BootId, PidNamespace};
use hostledger_sys::Pidfd;

use crate::Means;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const NAMESPACE: &str = "/proc/self/ns/pid";
const SELF: &str = "/proc/self";

/// The boot and the pid namespace that this program lives in.
///
/// Neither changes while it runs, so one is enough for all ([`PidSpace::current`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PidSpace {
    pub(crate) boot_id: BootId,
    pub(crate) pid_namespace: PidNamespace,
    pub(crate) means: Means,
}

/// Why it cannot be learnt where we are.
#[derive(Debug, thiserror::Error)]
pub enum PidSpaceError {
    /// A file of /proc cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The /proc mounted here belongs to another pid namespace, so that its numbers mean other
    /// processes than ours do (`unshare --pid` without `--mount-proc` makes such a place).
    #[error("/proc shows another pid namespace: it calls this process {shown}, which is {own}")]
    ForeignProc {
        /// What `/proc/self` points to.
        shown: String,
        /// What getpid(2) says.
        own: u32,
    },
}

impl PidSpace {
    /// The one we are in; read at the first call, remembered when that succeeded.
    ///
    /// # Errors
    /// When /proc is missing, unreadable or of another namespace.
    pub fn current() -> Result<&'static Self, PidSpaceError> {
        static CURRENT: OnceLock<PidSpace> = OnceLock::new();
        if let Some(current) = CURRENT.get() {
            return Ok(current);
        }
        let read = Self::read()?;
        Ok(CURRENT.get_or_init(|| read))
    }

    /// The same, with these means only. Without pidfs, as before Linux 6.9, processes are told
    /// apart by pid and start time alone, and no inode is recorded.
    #[must_use]
    pub fn with(&self, means: Means) -> Self {
        Self {
            means,
            ..self.clone()
        }
    }

    /// What may be used here; [`PidSpace::current`] gives all.
    #[must_use]
    pub fn means(&self) -> Means {
        self.means
    }

    /// This boot.
    #[must_use]
    pub fn boot_id(&self) -> &BootId {
        &self.boot_id
    }

    /// This namespace.
    #[must_use]
    pub fn pid_namespace(&self) -> PidNamespace {
        self.pid_namespace
    }

    fn read() -> Result<Self, PidSpaceError> {
        let shown = fs::read_link(SELF).map_err(cannot_read(SELF))?;
        let own = std::process::id();
        if shown != Path::new(&own.to_string()) {
            let shown = shown.display().to_string();
            return Err(PidSpaceError::ForeignProc { shown, own });
        }
        let boot_id = fs::read_to_string(BOOT_ID).map_err(cannot_read(BOOT_ID))?;
        let namespace = fs::metadata(NAMESPACE).map_err(cannot_read(NAMESPACE))?;
        Ok(Self {
            boot_id: BootId(boot_id.trim().to_owned()),
            pid_namespace: PidNamespace(namespace.ino()),
            means: Means::all(),
        })
    }

    /// The inode of a pidfd, where it tells processes apart.
    pub(crate) fn inode(&self, pidfd: &Pidfd) -> io::Result<Option<u64>> {
        if self.means.pidfs {
            pidfd.inode()
        } else {
            Ok(None)
        }
    }
}

fn cannot_read(path: &str) -> impl FnOnce(io::Error) -> PidSpaceError {
    let path = PathBuf::from(path);
    |source| PidSpaceError::Read { path, source }
}

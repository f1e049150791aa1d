//! What tells one process from every other, before and after it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A process id as the kernel gives it; no identity, as the kernel uses it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct Pid(i32);

/// A number that no process can have as its pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a pid: those are 1 and above")]
pub struct InvalidPid(pub i32);

impl Pid {
    /// A pid, when the number can be one (1 and above).
    #[must_use]
    pub fn new(raw: i32) -> Option<Self> {
        (raw > 0).then_some(Self(raw))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i32 {
        self.0
    }
}

impl TryFrom<i32> for Pid {
    type Error = InvalidPid;

    fn try_from(raw: i32) -> Result<Self, Self::Error> {
        Self::new(raw).ok_or(InvalidPid(raw))
    }
}

impl From<Pid> for i32 {
    fn from(pid: Pid) -> Self {
        pid.0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a process started, in clock ticks since boot: field 22 of `/proc/<pid>/stat` (proc(5)).
///
/// A tick is 10 ms on every Linux in use, so two processes can share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartTicks(pub u64);

/// Which boot of the machine: the text of `/proc/sys/kernel/random/boot_id` (random(4)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub String);

/// Which pid namespace: the inode number of `/proc/self/ns/pid` (pid_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PidNamespace(pub u64);

/// Everything that must agree before a live process counts as the recorded one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The boot it ran in; no process outlives it.
    pub boot_id: BootId,
    /// The namespace in which `pid` means it.
    pub pid_namespace: PidNamespace,
    /// Its number there.
    pub pid: Pid,
    /// When it started.
    pub start_ticks: StartTicks,
    /// Inode of its pidfd: unique until reboot, on kernels with pidfs (6.9 and later).
    pub pidfd_inode: Option<u64>,
}

//! From where a tree is known.

use std::path::Path;

use hostledger_model::{KillMode, ProcessIdentity};
use hostledger_sys::Pidfd;

/// A cgroup that a process was started in, as whoever keeps the pool of groups lends it.
pub trait GroupHold: Send {
    /// Its directory.
    fn path(&self) -> &Path;

    /// Whether it is still this process's and has not been given to another.
    fn is_current(&self) -> bool;

    /// Claims the group for killing: from now on it is never given to another process. False when
    /// it is no longer this process's; nothing may be killed then.
    fn condemn(&self) -> bool;
}

/// A process and what is known of where it came from.
pub struct TreeRoot {
    /// The process that was launched: the leader of its tree.
    pub identity: ProcessIdentity,
    /// A verified descriptor of the leader, which may be a zombie or reaped by now. Without one
    /// the leader is looked for by its identity.
    pub leader: Option<Pidfd>,
    /// The soft value of RLIMIT_LOCKS it was started with, if that was chosen for it alone.
    pub tag: Option<u64>,
    /// The cgroup it was started in.
    pub group: Option<Box<dyn GroupHold>>,
    /// How much of it is meant.
    pub scope: KillMode,
}

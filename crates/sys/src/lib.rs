//! The unsafe corner of hostledger: spawning, pidfds, waiting with resource use.
//!
//! Every line of unsafe code of the project is here, behind safe functions; what rustix already
//! offers safely is used through rustix and not wrapped again. Linux 5.10 and later, x86_64 and
//! aarch64. What newer kernels add is found at run time ([`Features`]).
//!
//! This crate knows nothing of records, ledgers or policies: it moves file descriptors, pids and
//! errnos.

mod ambient;
mod any_child;
mod exit_info;
mod features;
mod file_lock;
mod file_system;
mod held_fds;
#[cfg(feature = "libpq")]
mod listener;
mod on_load;
mod pidfd;
mod resource_limit;
mod signal;
mod signal_action;
mod signal_fd;
mod signal_mask;
mod spawn;
mod subreaper;
mod syscall;
mod wait;
mod words;

pub use ambient::{Ambient, Credentials};
pub use any_child::{AnyEnded, peek_any_ended, peek_pid, reap_pid};
pub use exit_info::exit_status;
pub use features::Features;
pub use file_lock::FileLock;
pub use file_system::FileSystem;
pub use held_fds::HeldFds;
#[cfg(feature = "libpq")]
pub use listener::{ListenError, Listener};
pub use on_load::{Constructor, was_called};
pub use pidfd::{GroupSignalError, Pidfd};
pub use resource_limit::soft_limit;
pub use signal::{ParseSignalError, Signal};
pub use signal_action::{Action, SignalActions, keep_ended_children, stop_self};
pub use signal_fd::signal_fd;
pub use signal_mask::block_all_signals;
pub use spawn::{
    BlockSpec, CloneWay, ConcurrentSpawn, InheritedLimits, LaunchBlock, LoadedBlock, Report, Rooms,
    Session, Spawn, SpawnError, Spawned, Stage, Starting, exit_at_once, limit_locks_of, spawn,
};
pub use subreaper::set_child_subreaper;
pub use wait::{
    Change, EndStatus, Ended, is_still_stopped, peek_ended, reap, wait_ended_or_stopped,
};
pub use words::SharedWords;

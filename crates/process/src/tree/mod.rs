//! What descends from a process, and ending all of it.
//!
//! A program's descendants can leave its session and its process group, close every descriptor,
//! clear their environment and change their names. What they cannot leave by themselves is the
//! cgroup they were started in; where there is none, they are known by their parents, by session
//! and group, and by the tag that their resource limits carry.
//!
//! Whoever is signalled is held by a descriptor first and compared then.

mod chase;
mod end;
mod error;
mod group_kill;
mod held;
mod hunt;
mod root;
mod roster;
mod signal;
mod snapshot;

pub use end::{Survivor, TreeEnd, end_trees};
pub use error::TreeError;
pub use root::{GroupHold, TreeRoot};
pub use signal::{Member, signal_trees, tree_members};

//! Groups of processes that nobody leaves by himself (cgroups(7)).

pub(crate) mod group;
mod hierarchy;
mod place;

pub use hierarchy::{CgroupError, Hierarchy, NoCgroup};

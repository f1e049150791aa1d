//! What is current: this machine, its network, this process.

mod interface;
mod machine;
mod process;

pub(crate) use machine::path_exists;

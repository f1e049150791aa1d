//! What is current: this machine, its network, this process.

mod interface;
mod machine;
mod process;

//! The built-in providers, a file each.

mod apt;
mod bash;
mod brew;
mod cargo;
mod env;
mod npm;
mod pip;
mod run;
mod turn;

pub(crate) use apt::Apt;
pub(crate) use bash::Bash;
pub(crate) use brew::Brew;
pub(crate) use cargo::Cargo;
pub use env::Env;
pub(crate) use npm::Npm;
pub(crate) use pip::Pip;
pub(crate) use run::{failure, run_command};

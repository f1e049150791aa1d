//! Binaries: finding, installing and verifying programs.

mod find;
mod install;
mod place;
mod remove;
mod run;
mod used;
mod verify;

pub use install::InstallBuilder;
pub(crate) use run::Recorded;
pub use verify::{BinaryCheck, Drift};

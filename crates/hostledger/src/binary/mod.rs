//! Binaries: finding, installing and verifying programs.

mod candidates;
mod find;
mod guard;
mod install;
mod place;
mod remove;
mod run;
mod used;
mod verify;

pub(crate) use guard::Guard;
pub use install::InstallBuilder;
pub(crate) use run::Recorded;
pub(crate) use used::{InstalledPrograms, may_use};
pub use verify::{BinaryCheck, Drift};

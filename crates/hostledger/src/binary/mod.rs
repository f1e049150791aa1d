//! Binaries: finding, installing and verifying programs.

mod asking;
mod candidates;
mod find;
mod guard;
mod install;
mod place;
mod remove;
mod run;
mod used;
mod verify;
mod waiting;

pub(crate) use guard::Guard;
pub use install::InstallBuilder;
pub(crate) use install::is_as_wanted;
pub(crate) use run::Recorded;
pub(crate) use used::{InstalledPrograms, may_use};
pub use verify::{BinaryCheck, Drift};

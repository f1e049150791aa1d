//! Drives binaries: has the state machine decide, and carries out what it decides.
//!
//! Unlike a process, a binary is driven on the thread of whoever wants it: what takes long is
//! programs of providers, each a recorded process that is awaited by event, and there are few at a
//! time.

mod allowance;
mod driver;
mod error;
mod leftovers;
mod news;

pub use driver::Installer;
pub use error::InstallError;
pub use leftovers::end_orphans;
pub use news::InstallNews;

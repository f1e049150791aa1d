//! Starting a program without a shell.

mod error;
mod limits;
mod program;
mod spec;
mod start;

pub use error::{InvalidLaunch, LaunchError};
pub use program::program_files;
pub use spec::{Launch, LaunchSpec, Stdin};
pub use start::{Launched, Output};

//! A terminal of ours between a program and the user's, so that what it shows can be recorded.

mod error;
mod pair;
mod raw;
mod relay;
mod signals;

pub use error::PtyError;
pub use pair::{Pty, PtyMaster};

//! Finding and installing programs: which provider does it, how, and what came of it.
//!
//! No process is started here. A [`BinaryProvider`] says what is to be run; a [`Runner`], which
//! whoever drives the provider hands in, runs that as a recorded process; the provider reads what
//! came of it. So nothing of an installation is unaccounted for.

pub mod hooks;
mod place;
mod provider;
mod request;
mod runner;

pub use place::Place;
pub use provider::{BinaryProvider, Found, Unsuccessful};
pub use request::Request;
pub use runner::{Order, PROVIDER_TIMEOUT, RunError, Runner};

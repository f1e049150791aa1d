//! Finding and installing programs: which provider does it, how, and what came of it.
//!
//! No process is started here. A [`BinaryProvider`] says what is to be run; a [`Runner`], which
//! whoever drives the provider hands in, runs that as a recorded process; the provider reads what
//! came of it. So nothing of an installation is unaccounted for.
//!
//! [`Providers`] has the built-in ones and says which may serve a request, in which order;
//! [`attempt`] has one of them try, and finds out what the program is that it came up with;
//! [`link`] puts it into `lib/bin` under the name it was asked for by.

mod attempt;
mod digest;
pub mod hooks;
mod link;
mod name;
mod option;
mod overrides;
mod place;
mod probe;
mod provider;
mod providers;
mod request;
mod runner;
mod search_path;
mod selection;
mod version;

pub use attempt::attempt;
pub use digest::Digests;
pub use link::{LinkError, link, unlink};
pub use name::{InvalidName, check_name};
pub use overrides::{Install, Overrides, check_overrides, problems_of};
pub use place::{Place, is_program};
pub use probe::ask_version;
pub use provider::{BinaryProvider, Found, Unsuccessful};
pub use providers::Env;
pub use request::Request;
pub use runner::{Order, PROVIDER_TIMEOUT, RunError, Runner};
pub use search_path::{USUAL_PATH, search_path};
pub use selection::{Allowed, Providers};
pub use version::{compare_versions, find_version};

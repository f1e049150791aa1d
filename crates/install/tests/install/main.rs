//! Providers with small scripts in place of the package managers, links, and versions.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot be set up fails loudly"
)]

mod env;
mod languages;
mod links;
mod system;
mod versions;
mod world;

//! Trees of real processes, ended to the last one; and nobody else with them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod cgroups;
mod daemons;
mod grown;
mod storms;

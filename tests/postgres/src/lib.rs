//! Real PostgreSQL servers for tests, gone with them.
//!
//! Nearly every test is content with a [`Database`] of its own on a server that all tests of a
//! run share: the first one starts it, and it ends with whoever runs the tests. One that is to be
//! killed, or to be set up otherwise, is a test's own [`Server`], and ends with the test at the
//! latest. Servers listen on a socket in a directory of theirs alone and care for no disk.
//!
//! Where PostgreSQL is not installed, a test says so by [`available`] and is over; CI, which sets
//! `CI=true`, takes that for a failure.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod database;
mod installation;
mod server;
mod shared;

pub use database::Database;
pub use installation::available;
pub use server::{PORT, Server};

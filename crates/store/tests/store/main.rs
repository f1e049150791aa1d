//! What a store must do, on every engine; and what SQLite's files make of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod contract;
mod sqlite;

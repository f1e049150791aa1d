//! What a store must do, on every engine; and what is particular to each.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod contract;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

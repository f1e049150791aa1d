//! Every state of a process against every event and every guard.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

mod bench;
mod catch_up;
mod ends;
mod starts;

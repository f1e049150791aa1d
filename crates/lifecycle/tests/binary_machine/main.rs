//! Every state of a binary against every event and every guard.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

mod attempts;
mod bench;
mod course;

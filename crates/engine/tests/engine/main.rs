//! The event loop against fakes of its ports: what it does, and in which order.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot be set up fails loudly"
)]

mod ahead;
mod bench;
mod clock;
mod failures;
mod life;
mod overtaken;
mod queued_start;
mod room;
mod spawner_bench;
mod take_over;
mod work;
mod work_bench;

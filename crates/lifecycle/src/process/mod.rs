//! The life of a process.
//!
//! ```text
//! queued ── tick or launch, it can start ──▶ queued    spawn
//!        ── the same, asked to stop before ─▶ exited    cancelled
//!        ── tick, it cannot start ─────────▶ queued    due again later
//!        ── spawned ───────────────────────▶ running
//!        ── spawn failed, cancelled, lost ─▶ exited
//! running ─ stop requested, timed out ─────▶ running   the request is stored, then signals
//!         ─ left ──────────────────────────▶ running   marked as one that lives on
//!         ─ exited, it is over ────────────▶ exited
//!         ─ exited, attempts left ─────────▶ queued    due after a backoff
//!         ─ lost ──────────────────────────▶ exited
//! exited    final: every event is ignored
//! ```

mod catch_up;
mod context;
mod effect;
mod event;
mod machine;
mod retry;

pub use catch_up::catch_up;
pub use context::Context;
pub use effect::{Effect, Timer};
pub use event::{Event, Exit, Output};
pub use machine::{LEASE, handle, lease_end};
pub use retry::RetryPolicy;

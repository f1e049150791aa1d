//! The life of a process.
//!
//! ```text
//! queued ── tick or launch, it can start ──▶ queued    spawn
//!        ── tick, it cannot start ─────────▶ queued    due again later
//!        ── spawned ───────────────────────▶ running
//!        ── spawn failed, cancelled ───────▶ exited
//! running ─ stop requested, timed out ─────▶ running   the request is stored, then signals
//!         ─ exited, it is over ────────────▶ exited
//!         ─ exited, attempts left ─────────▶ queued    due after a backoff
//! exited    final: every event is ignored
//! ```

mod context;
mod effect;
mod event;
mod machine;
mod retry;

pub use context::Context;
pub use effect::{Effect, Timer};
pub use event::{Event, Exit, Output};
pub use machine::{handle, lease_end};
pub use retry::RetryPolicy;

//! The life of a binary: asked for, tried provider by provider, there.
//!
//! ```text
//! queued ── tick, it has no name ──────────▶ queued    due again later
//!        ── tick ──────────────────────────▶ started   the first provider is run
//!        ── refused ───────────────────────▶ failed
//! started ─ unsuccessful, lost, more to try ▶ started   the reason is kept; the next one is run
//!         ─ succeeded ─────────────────────▶ started   it is linked
//!         ─ linked ────────────────────────▶ installed
//!         ─ none left, attempts left ──────▶ queued    due after a wait; the reasons are kept
//!         ─ none left, no attempts left ───▶ failed
//!         ─ link failed ───────────────────▶ as with none left
//!         ─ interrupted ───────────────────▶ queued, or failed without attempts left
//!         ─ tick: taken over ──────────────▶ started   begun anew
//! installed, failed    final: every event is ignored
//! ```
//!
//! Which provider is at work need not be kept: it is the one after those whose reasons are.

mod context;
mod effect;
mod event;
mod machine;
mod wait;

pub use context::Context;
pub use effect::Effect;
pub use event::Event;
pub use machine::{LEASE, handle};
pub use wait::wait_after;

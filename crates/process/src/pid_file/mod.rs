//! Pid files that crashed programs have left, and whoever still runs because of that.

mod find;
mod pattern;
mod sweep;

pub use sweep::{SweepError, SweepVerdict, Swept, sweep_pid_files};

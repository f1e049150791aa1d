//! The records of hostledger: machines, network interfaces, binaries and processes.
//!
//! Pure data and the rules about it: limits, statuses, derived values, JSON records,
//! sanitising. No file, clock or process is touched here.

mod identity;
mod time;
mod usage;

pub use identity::{BootId, Pid, PidNamespace, ProcessIdentity, StartTicks};
pub use time::{InvalidTimestamp, Timestamp};
pub use usage::{ResourceUsage, Termination};

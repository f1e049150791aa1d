//! The records of hostledger: machines, network interfaces, binaries and processes.
//!
//! Pure data and the rules about it: limits, statuses, derived values, JSON records,
//! sanitising. No file, process or database is touched here.

mod binary;
mod cause;
pub mod config;
mod duration;
mod environment;
mod health;
mod id;
mod identity;
mod interface;
pub mod json;
mod limit;
mod log_place;
mod machine;
mod owner;
mod process;
mod text_enum;
mod time;
mod usage;

pub use binary::{
    Binary, BinaryChange, BinaryStatus, InstalledFile, ProviderReason, ReasonKind,
    limits as binary_limits,
};
pub use cause::with_causes;
pub use duration::{InvalidDuration, LONGEST_DURATION, format_duration, parse_duration};
pub use environment::{InvalidVariable, SecretWords, environment_variables};
pub use health::Health;
pub use id::{
    BinaryId, InterfaceId, InvalidId, KeeperId, MachineId, OwnerId, ProcessId, SecretBatchId,
};
pub use identity::{BootId, InvalidPid, Pid, PidNamespace, ProcessIdentity, StartTicks};
pub use interface::{NetworkFacts, NetworkInterface, limits as interface_limits};
pub use limit::{Limit, LimitExceeded};
pub use log_place::LogPlace;
pub use machine::{Machine, MachineFacts, limits as machine_limits};
pub use owner::{OwnerPlace, OwnerRecord};
pub use process::{
    Attempt, CommandLine, DEFAULT_MAX_LOG_BYTES, DEFAULT_TIMEOUT, DraftError, Ended,
    InvalidCommand, InvalidLaunch, KillMode, LaunchAttributes, Lease, NO_TIMEOUT, Outcome, Process,
    ProcessChange, ProcessDraft, ProcessStatus, ProcessType, Requeued, ResourceLimit, Started,
    StopRequest, ancestors, limits as process_limits, parse_umask, timeout, timeout_seconds,
};
pub use text_enum::UnknownText;
pub use time::{InvalidTimestamp, Timestamp};
pub use usage::{ResourceUsage, Termination};

//! What a process used of the machine.

use serde::{Deserialize, Serialize};

/// Resources used by a process and the children it waited for (getrusage(2)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceUsage {
    /// CPU time in user mode, in microseconds.
    pub cpu_user_us: u64,
    /// CPU time in kernel mode, in microseconds.
    pub cpu_system_us: u64,
    /// Largest resident set, in KiB. The kernel counts the launcher's own among it, which the
    /// process shares until it executes its program: a small program shows its launcher's size.
    pub max_rss_kib: u64,
    /// Times the file system had to read from a device, in blocks of 512 bytes.
    pub block_inputs: u64,
    /// Times the file system had to write to a device, in blocks of 512 bytes.
    pub block_outputs: u64,
    /// Context switches the process asked for by waiting.
    pub voluntary_switches: u64,
    /// Context switches forced on the process.
    pub involuntary_switches: u64,
}

/// How a process came to its end, as wait(2) tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Termination {
    /// It called exit with this code (0 to 255).
    Exited(u8),
    /// This signal ended it.
    Signaled(u8),
}

impl Termination {
    /// The code a shell would report: its own, or 128 + the signal's number.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Exited(code) => i32::from(code),
            Self::Signaled(signal) => 128 + i32::from(signal),
        }
    }
}

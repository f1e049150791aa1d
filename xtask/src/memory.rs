//! How much memory a process takes.

use std::fs;

/// KiB that are resident now, and at most so far (proc_pid_status(5)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Memory {
    /// None when it has gone.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Self::read(&status)
    }

    fn read(status: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            now: field("VmRSS:")?,
            peak: field("VmHWM:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fields_are_read_and_a_zombie_has_none() {
        let status = "Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t    1000 kB\n";
        let expected = Memory {
            now: 1000,
            peak: 1234,
        };
        assert_eq!(Memory::read(status), Some(expected));
        assert_eq!(Memory::read("Name:\tx\nState:\tZ (zombie)\n"), None);
    }
}

//! Main memory and swap space.

use std::collections::HashMap;

use tracing::debug;

use super::Usage;
use crate::root::HostRoot;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) main: Usage,
    pub(super) swap: Usage,
}

pub(super) fn read(root: &HostRoot) -> Memory {
    root.text("/proc/meminfo")
        .and_then(|text| parse(&text))
        .unwrap_or_else(|| {
            debug!("cannot tell the memory of this host");
            Memory::default()
        })
}

/// `proc_meminfo(5)`. Used memory is what is not available to new programs, as `free(1)` counts
/// it since procps 4.0.
fn parse(text: &str) -> Option<Memory> {
    let fields: HashMap<&str, u64> = text.lines().filter_map(parse_line).collect();
    let bytes = |name: &str| fields.get(name).copied();
    let or_zero = |name: &str| bytes(name).unwrap_or(0);
    let total = bytes("MemTotal")?;
    let free = or_zero("MemFree");
    let available = match bytes("MemAvailable") {
        // Not told before Linux 3.14.
        None | Some(0) => ["Buffers", "Cached", "SReclaimable"]
            .into_iter()
            .fold(free, |sum, name| sum.saturating_add(or_zero(name))),
        Some(available) => available,
    };
    // In a container whose limits are put into meminfo more may be available than there is.
    let available = if available > total {
        free.min(total)
    } else {
        available
    };
    let used = total - available;
    let swap_total = or_zero("SwapTotal");
    let swap_free = or_zero("SwapFree").min(swap_total);
    let swap_used = swap_total - swap_free;
    Some(Memory {
        main: Usage {
            used,
            free,
            whole: total,
        },
        swap: Usage {
            used: swap_used,
            free: swap_free,
            whole: swap_total,
        },
    })
}

/// `MemTotal:       24684096 kB`, in bytes.
fn parse_line(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.split_once(':')?;
    let kibibytes: u64 = value.split_ascii_whitespace().next()?.parse().ok()?;
    Some((name, kibibytes.saturating_mul(1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;

    #[test]
    fn what_is_not_available_is_used() {
        let text = "MemTotal: 1000 kB\nMemFree: 400 kB\nMemAvailable: 600 kB\n\
                    Buffers: 100 kB\nSwapTotal: 200 kB\nSwapFree: 50 kB\n";
        let memory = parse(text).unwrap();
        assert_eq!((memory.main.used, memory.main.free), (400 * KIB, 400 * KIB));
        assert_eq!(memory.main.used_percent(), 40.0);
        assert_eq!((memory.swap.used, memory.swap.free), (150 * KIB, 50 * KIB));
        assert_eq!(memory.swap.used_percent(), 75.0);
    }

    #[test]
    fn an_old_kernel_does_not_tell_what_is_available() {
        let text = "MemTotal: 1000 kB\nMemFree: 400 kB\nBuffers: 100 kB\nCached: 200 kB\n";
        assert_eq!(parse(text).unwrap().main.used, 300 * KIB);
    }

    #[test]
    fn numbers_that_cannot_be_do_not_overflow() {
        let text = "MemTotal: 10 kB\nMemFree: 18446744073709551615 kB\nMemAvailable: 99 kB\n\
                    SwapTotal: 1 kB\nSwapFree: 2 kB";
        let memory = parse(text).unwrap();
        assert_eq!((memory.main.used, memory.swap.used), (0, 0));
        assert_eq!(parse("MemFree: 1 kB"), None);
        assert_eq!(parse("MemTotal: many"), None);
    }
}

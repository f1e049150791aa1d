//! Load, memory and disks at one moment, in the form that ArchiveBox stores.

mod cpu;
mod disk;
mod memory;

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::environment::Environment;
use crate::kernel::Kernel;
use crate::root::HostRoot;

/// An object with exactly these keys, in this order: `cpu_boot_time` (UTC), `cpu_count`,
/// `cpu_load`, and `_used_pct`, `_used_gb`, `_free_gb` of `mem_virt`, `mem_swap`, `disk_tmp`,
/// `disk_app` and `disk_data`.
pub(crate) fn snapshot(
    root: &HostRoot,
    kernel: &dyn Kernel,
    environment: &Environment,
    data_dir: &Path,
) -> Value {
    let mut stats = Map::new();
    stats.insert("cpu_boot_time".to_owned(), json!(cpu::boot_time(root)));
    stats.insert("cpu_count".to_owned(), json!(cpu::physical_cores(root)));
    stats.insert("cpu_load".to_owned(), json!(cpu::load(root)));
    let memory = memory::read(root);
    let disks = disk::read(kernel, environment, data_dir);
    let usages = [
        ("mem_virt", memory.main),
        ("mem_swap", memory.swap),
        ("disk_tmp", disks.tmp),
        ("disk_app", disks.app),
        ("disk_data", disks.data),
    ];
    for (name, usage) in usages {
        stats.insert(format!("{name}_used_pct"), json!(usage.used_percent()));
        stats.insert(format!("{name}_used_gb"), json!(gibibytes(usage.used)));
        stats.insert(format!("{name}_free_gb"), json!(gibibytes(usage.free)));
    }
    Value::Object(stats)
}

/// How much of a memory or disk is used, in bytes; all zero when unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Usage {
    used: u64,
    free: u64,
    /// What the share of `used` refers to.
    whole: u64,
}

impl Usage {
    /// One decimal.
    fn used_percent(&self) -> f64 {
        if self.whole == 0 {
            return 0.0;
        }
        (self.used as f64 / self.whole as f64 * 1000.0).round() / 10.0
    }
}

/// Three decimals.
fn gibibytes(bytes: u64) -> f64 {
    (bytes as f64 / f64::from(1 << 30) * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_decimals_and_shares_one() {
        assert_eq!(gibibytes(0), 0.0);
        assert_eq!(gibibytes(1 << 30), 1.0);
        assert_eq!(gibibytes(631_234_560), 0.588);
        let usage = Usage {
            used: 1,
            whole: 3,
            ..Usage::default()
        };
        assert_eq!(usage.used_percent(), 33.3);
        assert_eq!(Usage::default().used_percent(), 0.0);
    }
}

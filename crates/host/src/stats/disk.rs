//! The file systems that matter to a ledger.

use std::path::{Path, PathBuf};

use tracing::debug;

use super::Usage;
use crate::environment::Environment;
use crate::kernel::{DiskUsage, Kernel};

#[derive(Debug, Default)]
pub(super) struct Disks {
    /// Where temporary files go.
    pub(super) tmp: Usage,
    /// Where the running program is.
    pub(super) app: Usage,
    /// Where the ledger is.
    pub(super) data: Usage,
}

/// What does not answer reads zero and is told by tracing.
pub(super) fn read(kernel: &dyn Kernel, environment: &Environment, data_dir: &Path) -> Disks {
    let paths = [
        environment.temporary_directory(),
        program(kernel),
        data_dir.to_owned(),
    ];
    let mut usages = kernel
        .disk_usage(&paths)
        .into_iter()
        .zip(&paths)
        .map(|(usage, path)| {
            let unknown = |error| {
                debug!(path = %path.display(), %error, "cannot tell the size of the file system");
                Usage::default()
            };
            usage.map_or_else(unknown, Usage::from)
        });
    let mut next = || usages.next().unwrap_or_default();
    Disks {
        tmp: next(),
        app: next(),
        data: next(),
    }
}

/// The directory of the running program, since an upgrade may have replaced the file itself;
/// where it is not known, an empty path, which no file system holds.
fn program(kernel: &dyn Kernel) -> PathBuf {
    match kernel.executable() {
        Ok(executable) => executable.parent().unwrap_or(&executable).to_owned(),
        Err(error) => {
            debug!(%error, "cannot tell where the running program is");
            PathBuf::new()
        }
    }
}

/// As `df(1)` counts: blocks reserved for the superuser are neither used nor free.
impl From<DiskUsage> for Usage {
    fn from(usage: DiskUsage) -> Self {
        let used = usage.total.saturating_sub(usage.free);
        let whole = used.saturating_add(usage.available);
        Self {
            used,
            free: usage.available,
            whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_blocks_are_neither_used_nor_free() {
        let usage = Usage::from(DiskUsage {
            total: 1000,
            free: 600,
            available: 400,
        });
        assert_eq!((usage.used, usage.free), (400, 400));
        assert_eq!(usage.used_percent(), 50.0);
    }

    #[test]
    fn numbers_that_cannot_be_do_not_overflow() {
        let usage = Usage::from(DiskUsage {
            total: 0,
            free: 9,
            available: u64::MAX,
        });
        assert_eq!(usage.used, 0);
        assert_eq!(usage.used_percent(), 0.0);
    }
}

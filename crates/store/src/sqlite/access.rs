//! Whether a database may be used, asked of the system before SQLite is.
//!
//! The file itself is never opened here: closing it would take away every lock that SQLite
//! holds on it for this process (fcntl(2), "Advisory record locking").

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use crate::error::{ReadOnly, StoreError};

/// Asks for a path with the rights in effect, as opening it does.
fn ask(path: &Path, access: Access) -> Result<(), StoreError> {
    accessat(CWD, path, access, AtFlags::EACCESS).map_err(|errno| error(path, errno))
}

/// Whether the database can be read.
pub(super) fn readable(database: &Path) -> Result<(), StoreError> {
    ask(database, Access::READ_OK)
}

/// Whether the database can be written, and the files beside it that writing needs.
pub(super) fn writable(database: &Path) -> Result<(), StoreError> {
    ask(database, Access::READ_OK | Access::WRITE_OK)?;
    ask(directory(database), Access::WRITE_OK | Access::EXEC_OK)
}

/// The directory of a database; its path is absolute, so there is one.
pub(super) fn directory(database: &Path) -> &Path {
    database.parent().unwrap_or(database)
}

/// What SQLite may want at once: it lets the index of its log grow by 32 KiB.
const LEAST_SPACE: u64 = 64 << 10;

/// Whether there is no space for a database to grow.
pub(super) fn is_full(database: &Path) -> bool {
    rustix::fs::statvfs(directory(database))
        .is_ok_and(|space| space.f_bavail.saturating_mul(space.f_frsize) < LEAST_SPACE)
}

/// The error for a path that the system refused.
pub(super) fn error(path: &Path, errno: Errno) -> StoreError {
    let path = PathBuf::from(path);
    match errno {
        Errno::ACCESS => StoreError::PermissionDenied { path },
        // EPERM is what an immutable file gives (chattr(1)).
        Errno::ROFS | Errno::PERM => StoreError::ReadOnly {
            path,
            why: ReadOnly::File,
        },
        errno => StoreError::Open {
            path,
            source: Arc::new(errno.into()),
        },
    }
}

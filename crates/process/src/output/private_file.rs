//! Plain files that are ours alone, in a directory in which others may have planted something.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Timestamps, fcntl_setfl, futimens, openat, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;

use super::log_files::check_owner;
use super::{LogDirectory, LogError};

/// For us alone.
pub(super) const PRIVATE: u32 = 0o600;

impl LogDirectory {
    /// Opens a plain file that is ours.
    pub(super) fn open_plain(&self, name: &str, access: OFlags) -> Result<File, LogError> {
        let path = self.path.join(name);
        let failed = |source| LogError::Create {
            path: path.clone(),
            source,
        };
        // A named pipe that somebody planted would block the opening; to a plain file it is nothing.
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(&self.directory, name, flags, Mode::from_raw_mode(PRIVATE));
        let file = match opened {
            Ok(file) => File::from(file),
            // What these are is not to be opened for writing: a link, a pipe, a directory.
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
                return Err(LogError::NotAFile { path });
            }
            Err(errno) => return Err(failed(errno.into())),
        };
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            return Err(LogError::NotAFile { path });
        }
        check_owner(&found, &path)?;
        fcntl_setfl(&file, access & OFlags::APPEND).map_err(|errno| failed(errno.into()))?;
        Ok(file)
    }

    /// Puts a whole new file in the place of a plain one of ours, or of none.
    pub(super) fn replace(
        &self,
        name: &str,
        mode: u32,
        content: &[u8],
        times: Option<&Timestamps>,
    ) -> Result<(), LogError> {
        let directory = &self.directory;
        let path = self.path.join(name);
        match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile => {
                return Err(LogError::NotAFile { path });
            }
            Ok(_) => drop(self.open_plain(name, OFlags::RDONLY)?),
            Err(_) => {}
        }
        let new = format!(".{name}.{}.new", std::process::id());
        let written = write_new(directory, &new, mode, content, times)
            .and_then(|()| Ok(renameat(directory, &new, directory, name)?));
        written.map_err(|source| {
            if let Err(error) = unlinkat(directory, &new, AtFlags::empty()) {
                tracing::debug!(file = new, %error, "nothing was left to remove");
            }
            LogError::Write { path, source }
        })
    }
}

fn write_new(
    directory: &File,
    name: &str,
    mode: u32,
    content: &[u8],
    times: Option<&Timestamps>,
) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let create = || openat(directory, name, flags, Mode::from_raw_mode(mode));
    let created = match create() {
        // One with our pid that crashed in the middle left it.
        Err(Errno::EXIST) => {
            unlinkat(directory, name, AtFlags::empty())?;
            create()
        }
        created => created,
    };
    let mut file = File::from(created?);
    // Whatever our umask is.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    if let Some(times) = times {
        futimens(&file, times)?;
    }
    Ok(())
}

//! The link under the name that a program was asked for.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, fstat, mkdirat, open, openat, readlinkat,
    renameat, renameat_with, stat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

/// For us alone.
const PRIVATE: u32 = 0o700;

/// A program could not be linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is something that is not ours to replace.
    #[error("{} is there and is no link: move it away", path.display())]
    NotALink {
        /// Where the link would be.
        path: PathBuf,
    },
    /// A directory on the way is somebody else's, or a link to who knows where.
    #[error("{} is no directory of ours: links are not put into it", path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("cannot link {}", path.display())]
    Failed {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Makes `<data>/lib/bin/<name>` a link to `target`, in one step.
///
/// A right link is left alone, another one replaced, and anything else that has the name is an
/// error. No link on the way to it is followed.
///
/// # Errors
/// See [`LinkError`].
pub fn link(data: &Path, name: &str, target: &Path) -> Result<(), LinkError> {
    let path = data.join("lib/bin").join(name);
    let bin = open_bin(data)?;
    let failed = |errno: Errno| LinkError::Failed {
        path: path.clone(),
        source: errno.into(),
    };
    // The program is there itself, by whatever way the directory is reached.
    if target.file_name() == Some(OsStr::new(name)) && is_in(target, &bin).map_err(failed)? {
        return Ok(());
    }
    let is_there = match kind(&bin, name).map_err(failed)? {
        None => false,
        Some(FileType::Symlink) => {
            let now = readlinkat(&bin, name, Vec::new()).map_err(failed)?;
            if now.to_bytes() == target.as_os_str().as_bytes() {
                return Ok(());
            }
            true
        }
        Some(_) => return Err(LinkError::NotALink { path }),
    };
    let made = format!(".{name}.{}", std::process::id());
    discard(&bin, &made).map_err(failed)?;
    symlinkat(target, &bin, made.as_str()).map_err(failed)?;
    let flags = if is_there {
        RenameFlags::EXCHANGE
    } else {
        RenameFlags::NOREPLACE
    };
    let renamed = match renameat_with(&bin, made.as_str(), &bin, name, flags) {
        // Not every file system has these flags; then it is replaced as it was found.
        Err(Errno::INVAL) => renameat(&bin, made.as_str(), &bin, name),
        renamed => renamed,
    };
    // What somebody put there meanwhile goes back to its place.
    let replaced = kind(&bin, &made).map_err(failed)?;
    if is_there && renamed.is_ok() && replaced.is_some_and(|kind| kind != FileType::Symlink) {
        renameat_with(&bin, made.as_str(), &bin, name, flags).map_err(failed)?;
        discard(&bin, &made).map_err(failed)?;
        return Err(LinkError::NotALink { path });
    }
    discard(&bin, &made).map_err(failed)?;
    renamed.map_err(failed)
}

/// Whether a file is in a directory.
fn is_in(file: &Path, directory: &OwnedFd) -> Result<bool, Errno> {
    let Some(parent) = file.parent().and_then(|it| stat(it).ok()) else {
        return Ok(false);
    };
    let directory = fstat(directory)?;
    Ok((parent.st_dev, parent.st_ino) == (directory.st_dev, directory.st_ino))
}

/// Removes the link `<data>/lib/bin/<name>`, if it leads to `target`.
///
/// # Errors
/// See [`LinkError`].
pub fn unlink(data: &Path, name: &str, target: &Path) -> Result<(), LinkError> {
    let path = data.join("lib/bin").join(name);
    if !data.join("lib/bin").exists() {
        return Ok(());
    }
    let bin = open_bin(data)?;
    let ours = match readlinkat(&bin, name, Vec::new()) {
        Ok(now) => now.to_bytes() == target.as_os_str().as_bytes(),
        Err(Errno::NOENT | Errno::INVAL) => false,
        Err(errno) => {
            let source = errno.into();
            return Err(LinkError::Failed { path, source });
        }
    };
    if !ours {
        return Ok(());
    }
    discard(&bin, name).map_err(|errno| LinkError::Failed {
        path,
        source: errno.into(),
    })
}

/// `<data>/lib/bin`, made where it is missing.
fn open_bin(data: &Path) -> Result<OwnedFd, LinkError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let failed = |path: &Path, errno: Errno| LinkError::Failed {
        path: path.to_owned(),
        source: errno.into(),
    };
    let mut directory = open(data, flags, Mode::empty()).map_err(|errno| failed(data, errno))?;
    let mut path = data.to_owned();
    for part in ["lib", "bin"] {
        path.push(OsStr::new(part));
        match mkdirat(&directory, part, Mode::from_raw_mode(PRIVATE)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(&path, errno)),
        }
        let opened = openat(&directory, part, flags | OFlags::NOFOLLOW, Mode::empty());
        directory = match opened {
            Ok(opened) => opened,
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(LinkError::NotOurs { path }),
            Err(errno) => return Err(failed(&path, errno)),
        };
        let owner = fstat(&directory)
            .map_err(|errno| failed(&path, errno))?
            .st_uid;
        if owner != rustix::process::geteuid().as_raw() {
            return Err(LinkError::NotOurs { path });
        }
    }
    Ok(directory)
}

/// What has a name in a directory; none when nothing has.
fn kind(directory: &OwnedFd, name: &str) -> Result<Option<FileType>, Errno> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn discard(directory: &OwnedFd, name: &str) -> Result<(), Errno> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

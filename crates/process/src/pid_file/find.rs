//! Finding pid files without following a symlink.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hostledger_model::{Pid, Timestamp};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::pattern::{Pattern, matches};

/// A number takes ten digits; what is longer is no pid file.
const LONGEST: usize = 64;

/// A file that the pattern stands for, and the directory that it is in.
pub(super) struct Candidate {
    directory: Rc<OwnedFd>,
    name: Vec<u8>,
    pub(super) path: PathBuf,
}

/// What a pid file says.
pub(super) struct Content {
    pub(super) pid: Option<Pid>,
    pub(super) modified_at: Timestamp,
    stat: Stat,
}

pub(super) fn find(
    directory: &Path,
    pattern: &Pattern,
) -> Result<Vec<Candidate>, (PathBuf, io::Error)> {
    let failed = |errno: Errno| (directory.to_owned(), errno.into());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(directory, flags, Mode::empty()).map_err(failed)?;
    let mut found = Vec::new();
    descend(&Rc::new(opened), directory, pattern.parts(), &mut found)?;
    Ok(found)
}

fn descend(
    directory: &Rc<OwnedFd>,
    path: &Path,
    parts: &[Vec<u8>],
    found: &mut Vec<Candidate>,
) -> Result<(), (PathBuf, io::Error)> {
    let Some((part, rest)) = parts.split_first() else {
        return Ok(());
    };
    let failed = |path: &Path, errno: Errno| (path.to_owned(), io::Error::from(errno));
    for entry in Dir::read_from(directory.as_fd()).map_err(|errno| failed(path, errno))? {
        let entry = entry.map_err(|errno| failed(path, errno))?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") || !matches(part, name) {
            continue;
        }
        let path = path.join(OsStr::from_bytes(name));
        if rest.is_empty() {
            let (directory, name) = (Rc::clone(directory), name.to_vec());
            found.push(Candidate {
                directory,
                name,
                path,
            });
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(directory.as_fd(), name, flags, Mode::empty()) {
            Ok(below) => descend(&Rc::new(below), &path, rest, found)?,
            // No directory, a symlink, or gone meanwhile.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => {}
            Err(errno) => return Err(failed(&path, errno)),
        }
    }
    Ok(())
}

impl Candidate {
    /// `None` when it is no regular file, or gone.
    pub(super) fn read(&self) -> io::Result<Option<Content>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let name = self.name.as_slice();
        let file = match rustix::fs::openat(self.directory.as_fd(), name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::LOOP | Errno::NOENT | Errno::NXIO) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        let mut buffer = [0; LONGEST];
        let length = rustix::io::read(&file, &mut buffer)?;
        let text = buffer
            .get(..length)
            .and_then(|text| str::from_utf8(text).ok());
        let pid = text.and_then(|text| Pid::new(text.trim().parse().ok()?));
        Ok(modified_at(&stat).map(|modified_at| Content {
            pid,
            modified_at,
            stat,
        }))
    }

    /// Removes the file that was read; another one that has its name by now is left.
    pub(super) fn remove(&self, read: &Content) -> io::Result<()> {
        let (directory, name) = (self.directory.as_fd(), self.name.as_slice());
        let removed =
            rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).and_then(|now| {
                let same = (now.st_dev, now.st_ino) == (read.stat.st_dev, read.stat.st_ino);
                if same && modified_at(&now) == Some(read.modified_at) {
                    rustix::fs::unlinkat(directory, name, AtFlags::empty())
                } else {
                    Ok(())
                }
            });
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

fn modified_at(stat: &Stat) -> Option<Timestamp> {
    let micros = i64::try_from(stat.st_mtime_nsec / 1000).ok()?;
    Timestamp::from_unix_micros(stat.st_mtime.checked_mul(1_000_000)?.checked_add(micros)?)
}

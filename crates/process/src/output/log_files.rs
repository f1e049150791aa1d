//! Log files that nobody else could have put in our way.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, open, openat, statat, unlinkat};
use rustix::io::Errno;

use super::LogError;

/// One of the two output streams of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        })
    }
}

/// A directory for log files, held open: what is put in its place later is not followed.
#[derive(Debug)]
pub struct LogDirectory {
    pub(super) directory: File,
    pub(super) path: PathBuf,
}

/// A log by its name in a directory that is held open.
#[derive(Debug)]
pub struct LogName {
    pub(crate) directory: File,
    pub(crate) name: String,
}

impl LogName {
    /// Opens what has the name now.
    pub(crate) fn open(&self) -> io::Result<File> {
        // A named pipe that somebody planted would block the opening.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.directory, &self.name, flags, Mode::empty())?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }
}

/// Two log files open for appending, as a program gets them.
#[derive(Debug)]
pub struct LogFiles {
    pub(crate) stdout: File,
    pub(crate) stderr: File,
    /// Where standard output goes.
    pub stdout_path: PathBuf,
    /// Where standard error goes.
    pub stderr_path: PathBuf,
    /// Whether they may have been there before, and so hold more than this program's output and
    /// must not be removed with it.
    pub appended: bool,
    /// How much was in the log of standard output before.
    pub stdout_begin: u64,
    /// How much was in the log of standard error before.
    pub stderr_begin: u64,
}

impl LogFiles {
    /// The two, in the order stdout, stderr.
    #[must_use]
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.stdout.as_fd(), self.stderr.as_fd()]
    }
}

impl LogDirectory {
    /// Opens a directory that exists, is no symbolic link, and belongs to us.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let failed = |source: io::Error| LogError::Directory {
            path: path.to_owned(),
            source,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        let directory = File::from(directory);
        check_owner(&directory.metadata().map_err(failed)?, path)?;
        Ok(Self {
            directory,
            path: path.to_owned(),
        })
    }

    /// Creates `<stem>.stdout.log` and `<stem>.stderr.log`, mode 0600, for appending. Empty ones
    /// that are there are replaced: whoever made them died before anything was started.
    ///
    /// # Errors
    /// [`LogError::Create`] when either cannot be created; neither is left then.
    pub fn create(&self, stem: &str) -> Result<LogFiles, LogError> {
        let stdout = self.create_one(stem, Stream::Stdout)?;
        let stderr = self.create_one(stem, Stream::Stderr).inspect_err(|_| {
            let name = log_file_name(stem, Stream::Stdout);
            if let Err(error) = unlinkat(&self.directory, &name, AtFlags::empty()) {
                tracing::warn!(file = name, %error, "cannot remove a log that is not used");
            }
        })?;
        Ok(LogFiles {
            stdout,
            stderr,
            stdout_path: self.path_of(stem, Stream::Stdout),
            stderr_path: self.path_of(stem, Stream::Stderr),
            appended: false,
            stdout_begin: 0,
            stderr_begin: 0,
        })
    }

    /// Opens a log to read it.
    ///
    /// # Errors
    /// [`LogError::Read`]; `ENOENT` when it was removed, `EINVAL` when it is no plain file.
    pub fn read(&self, stem: &str, stream: Stream) -> Result<File, LogError> {
        let read = |source| LogError::Read {
            path: self.path_of(stem, stream),
            source,
        };
        self.name_of(stem, stream)?.open().map_err(read)
    }

    /// A log by its name, to go on with what is put in its place.
    ///
    /// # Errors
    /// [`LogError::Directory`] when descriptors run out.
    pub fn name_of(&self, stem: &str, stream: Stream) -> Result<LogName, LogError> {
        let directory = self.directory.try_clone();
        Ok(LogName {
            directory: directory.map_err(|source| LogError::Directory {
                path: self.path.clone(),
                source,
            })?,
            name: log_file_name(stem, stream),
        })
    }

    /// Where a log lies, whether it exists or not.
    #[must_use]
    pub fn path_of(&self, stem: &str, stream: Stream) -> PathBuf {
        self.path.join(log_file_name(stem, stream))
    }

    fn create_one(&self, stem: &str, stream: Stream) -> Result<File, LogError> {
        let name = log_file_name(stem, stream);
        let created = match self.create_new(&name) {
            Err(Errno::EXIST) if self.is_unused(&name) => {
                unlinkat(&self.directory, &name, AtFlags::empty())
                    .and_then(|()| self.create_new(&name))
            }
            created => created,
        };
        created.map_err(|errno| LogError::Create {
            path: self.path_of(stem, stream),
            source: errno.into(),
        })
    }

    fn create_new(&self, name: &str) -> Result<File, Errno> {
        // EXCL never follows a link and never opens what is there (open(2)).
        let flags = OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        openat(&self.directory, name, flags, mode).map(File::from)
    }

    /// Whether it is what a launcher has left that died before the program was started: a file,
    /// and nothing in it.
    fn is_unused(&self, name: &str) -> bool {
        statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| {
            FileType::from_raw_mode(found.st_mode) == FileType::RegularFile && found.st_size == 0
        })
    }
}

/// Nobody else may own what we write to.
pub(super) fn check_owner(found: &Metadata, path: &Path) -> Result<(), LogError> {
    let own = rustix::process::geteuid().as_raw();
    if found.uid() == own {
        return Ok(());
    }
    Err(LogError::NotOurs {
        path: path.to_owned(),
        owner: found.uid(),
        own,
    })
}

/// What the log of a stream is called: `<stem>.stdout.log`, or `stdout.log` for an empty stem.
#[must_use]
pub fn log_file_name(stem: &str, stream: Stream) -> String {
    let dot = if stem.is_empty() { "" } else { "." };
    format!("{stem}{dot}{stream}.log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    #[test]
    fn logs_are_private_and_appended_to() {
        let place = tempfile::tempdir().unwrap();
        let logs = LogDirectory::open(place.path()).unwrap();
        let mut files = logs.create("one.1").unwrap();
        assert_eq!(files.stdout_path, place.path().join("one.1.stdout.log"));
        assert_eq!(
            fs::metadata(&files.stderr_path).unwrap().mode() & 0o7777,
            0o600
        );
        let mut again = files.stdout.try_clone().unwrap();
        files.stdout.write_all(b"a").unwrap();
        fs::write(&files.stdout_path, b"").unwrap();
        again.write_all(b"b").unwrap();
        let mut text = String::new();
        io::Read::read_to_string(&mut logs.read("one.1", Stream::Stdout).unwrap(), &mut text)
            .unwrap();
        assert_eq!(text, "b");
    }

    #[test]
    fn a_file_or_link_that_is_there_is_neither_followed_nor_written_to() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("target");
        fs::write(&target, "mine").unwrap();
        symlink(&target, place.path().join("a.stdout.log")).unwrap();
        symlink("nowhere", place.path().join("b.stderr.log")).unwrap();
        let logs = LogDirectory::open(place.path()).unwrap();
        for stem in ["a", "b"] {
            let error = logs.create(stem).unwrap_err();
            let LogError::Create { source, .. } = error else {
                panic!("{error}")
            };
            assert_eq!(source.kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        assert!(!place.path().join("nowhere").exists());
        // What was created before the second one failed is removed again.
        assert!(!place.path().join("b.stdout.log").exists());
        assert!(matches!(
            logs.read("a", Stream::Stdout),
            Err(LogError::Read { .. })
        ));
    }

    #[test]
    fn what_a_dead_launcher_has_left_empty_is_replaced_and_what_was_written_stays() {
        let place = tempfile::tempdir().unwrap();
        let logs = LogDirectory::open(place.path()).unwrap();
        let mut theirs = logs.create("a.1").unwrap().stdout;
        let mut ours = logs.create("a.1").unwrap().stdout;
        theirs.write_all(b"late").unwrap();
        ours.write_all(b"ours").unwrap();
        let path = logs.path_of("a.1", Stream::Stdout);
        assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
        assert!(logs.create("a.1").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
    }

    #[test]
    fn a_linked_missing_or_foreign_directory_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let linked = place.path().join("linked");
        symlink(place.path(), &linked).unwrap();
        for path in [linked, place.path().join("missing")] {
            assert!(matches!(
                LogDirectory::open(&path),
                Err(LogError::Directory { .. })
            ));
        }
        if rustix::process::geteuid().is_root() {
            let theirs = place.path().join("theirs");
            fs::create_dir(&theirs).unwrap();
            std::os::unix::fs::chown(&theirs, Some(65534), None).unwrap();
            assert!(matches!(
                LogDirectory::open(&theirs),
                Err(LogError::NotOurs { .. })
            ));
        } else {
            assert!(matches!(
                LogDirectory::open(Path::new("/")),
                Err(LogError::NotOurs { .. })
            ));
        }
    }
}

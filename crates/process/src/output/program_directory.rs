//! A directory of a program's own: its logs, its pid file and its script, as ArchiveBox has them.

use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path};

use hostledger_model::{Pid, Timestamp};
use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps, flock, mkdirat, open, openat,
    unlinkat,
};
use rustix::io::Errno;

use super::log_files::check_owner;
use super::private_file::PRIVATE;
use super::{LogDirectory, LogError, LogFiles, Stream, log_file_name};

pub(super) const PID_FILE: &str = "process.pid";
pub(super) const SCRIPT: &str = "cmd.sh";

/// For us alone.
const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_PROGRAM: u32 = 0o700;

/// A directory of a program's own, held open.
///
/// Below the working directory no symbolic link is followed, and nothing is written to that
/// somebody else owns.
#[derive(Debug)]
pub struct ProgramDirectory {
    logs: LogDirectory,
}

impl ProgramDirectory {
    /// Opens `path` in the working directory, and makes what is missing of it, mode 0700.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn create(working_directory: &Path, path: &str) -> Result<Self, LogError> {
        Self::descend(working_directory, path, |parent, name| {
            match mkdirat(parent, name, Mode::from_raw_mode(PRIVATE_DIRECTORY)) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(errno) => Err(errno.into()),
            }
        })
    }

    /// Opens `path` in the working directory.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn open(working_directory: &Path, path: &str) -> Result<Self, LogError> {
        Self::descend(working_directory, path, |_, _| Ok(()))
    }

    fn descend(
        working_directory: &Path,
        inside: &str,
        prepare: impl Fn(&File, &Path) -> io::Result<()>,
    ) -> Result<Self, LogError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut path = working_directory.to_owned();
        let failed = |path: &Path, source| LogError::Directory {
            path: path.to_owned(),
            source,
        };
        // Whose the working directory is, and by which way it was named, is the caller's affair.
        let opened = open(&path, flags, Mode::empty());
        let mut directory = File::from(opened.map_err(|errno| failed(&path, errno.into()))?);
        for component in Path::new(inside).components() {
            let name = match component {
                Component::CurDir => continue,
                Component::Normal(name) => Path::new(name),
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    let path = inside.into();
                    return Err(LogError::Outside { path });
                }
            };
            path.push(name);
            prepare(&directory, name).map_err(|source| failed(&path, source))?;
            let opened = openat(&directory, name, flags | OFlags::NOFOLLOW, Mode::empty());
            directory = opened.map_err(|errno| failed(&path, errno.into()))?.into();
            let found = directory
                .metadata()
                .map_err(|source| failed(&path, source))?;
            check_owner(&found, &path)?;
        }
        Ok(Self {
            logs: LogDirectory { directory, path },
        })
    }

    /// The directory, to read its logs: their stem is empty.
    #[must_use]
    pub fn logs(&self) -> &LogDirectory {
        &self.logs
    }

    /// Keeps it from others who ask for it like this, for as long as it is held open: false when one
    /// of them has it (flock(2)).
    ///
    /// # Errors
    /// The file system has no locks.
    pub fn try_lock(&self) -> io::Result<bool> {
        match flock(
            &self.logs.directory,
            FlockOperation::NonBlockingLockExclusive,
        ) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Opens `stdout.log` and `stderr.log` for appending, mode 0600; makes what is missing.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn append(&self) -> Result<LogFiles, LogError> {
        let (stdout, stdout_begin) = self.append_one(Stream::Stdout)?;
        let (stderr, stderr_begin) = self.append_one(Stream::Stderr)?;
        Ok(LogFiles {
            stdout,
            stderr,
            stdout_path: self.logs.path_of("", Stream::Stdout),
            stderr_path: self.logs.path_of("", Stream::Stderr),
            appended: true,
            stdout_begin,
            stderr_begin,
        })
    }

    /// Writes `process.pid`, mode 0600: the pid and a line's end, last modified when the process
    /// started.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn write_pid_file(&self, pid: Pid, started_at: Timestamp) -> Result<(), LogError> {
        let times = both_times(started_at);
        let content = format!("{pid}\n");
        self.logs
            .replace(PID_FILE, PRIVATE, content.as_bytes(), Some(&times))
    }

    /// Removes `process.pid` if it is still about this pid; says whether it was.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn remove_pid_file(&self, pid: Pid) -> Result<bool, LogError> {
        let path = self.logs.path.join(PID_FILE);
        let failed = |source| LogError::Remove {
            path: path.clone(),
            source,
        };
        let file = match self.logs.open_plain(PID_FILE, OFlags::RDONLY) {
            Ok(file) => file,
            Err(LogError::Create { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let mut content = Vec::new();
        let longest = pid.to_string().len() as u64 + 2;
        file.take(longest)
            .read_to_end(&mut content)
            .map_err(failed)?;
        if content.trim_ascii_end() != pid.to_string().as_bytes() {
            return Ok(false);
        }
        match unlinkat(&self.logs.directory, PID_FILE, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failed(errno.into())),
        }
    }

    /// Writes `cmd.sh`, mode 0700.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn write_script(&self, text: &[u8]) -> Result<(), LogError> {
        self.logs.replace(SCRIPT, PRIVATE_PROGRAM, text, None)
    }

    fn append_one(&self, stream: Stream) -> Result<(File, u64), LogError> {
        let name = log_file_name("", stream);
        let file = self
            .logs
            .open_plain(&name, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)?;
        let failed = |source| LogError::Create {
            path: self.logs.path.join(&name),
            source,
        };
        let found = file.metadata().map_err(failed)?;
        if found.mode() & 0o777 != PRIVATE {
            file.set_permissions(Permissions::from_mode(PRIVATE))
                .map_err(failed)?;
        }
        Ok((file, found.len()))
    }
}

fn both_times(at: Timestamp) -> Timestamps {
    const MICROS: i64 = 1_000_000;
    let micros = at.unix_micros();
    let time = Timespec {
        tv_sec: micros.div_euclid(MICROS),
        tv_nsec: micros.rem_euclid(MICROS) * 1000,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::FileType;
    use std::ffi::OsStr;
    use std::fs;
    use std::io::Write;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    const HOOK: &str = ".hooks/on_a.py";

    fn pid(number: i32) -> Pid {
        Pid::new(number).unwrap()
    }

    fn mode(path: impl AsRef<Path>) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    struct Place {
        pwd: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let pwd = tempfile::tempdir().unwrap();
            Self { pwd }
        }

        fn path(&self, inside: &str) -> PathBuf {
            self.pwd.path().join(inside)
        }

        fn create(&self, inside: &str) -> Result<ProgramDirectory, LogError> {
            ProgramDirectory::create(self.pwd.path(), inside)
        }
    }

    #[test]
    fn everything_in_it_is_private_and_the_logs_are_appended_to() {
        let place = Place::new();
        for inside in [HOOK, "."] {
            let directory = place.create(inside).unwrap();
            let mut files = directory.append().unwrap();
            assert_eq!((files.stdout_begin, files.stderr_begin), (0, 0));
            files.stdout.write_all(b"one\n").unwrap();
            // Another program has made it readable meanwhile.
            let open = Permissions::from_mode(0o644);
            fs::set_permissions(&files.stdout_path, open).unwrap();
            let mut again = ProgramDirectory::create(place.pwd.path(), inside)
                .unwrap()
                .append()
                .unwrap();
            assert_eq!((again.stdout_begin, again.appended), (4, true));
            again.stdout.write_all(b"two\n").unwrap();
            directory.write_pid_file(pid(7), Timestamp::now()).unwrap();
            directory.write_script(b"#!/bin/sh\n").unwrap();

            let at = place.path(inside);
            assert_eq!(files.stdout_path, at.join("stdout.log"));
            assert_eq!(fs::read(at.join("stdout.log")).unwrap(), b"one\ntwo\n");
            for (name, expected) in [
                ("stdout.log", 0o600),
                ("stderr.log", 0o600),
                ("process.pid", 0o600),
                ("cmd.sh", 0o700),
            ] {
                assert_eq!(mode(at.join(name)), expected, "{name}");
            }
            let mut log = directory.logs().read("", Stream::Stdout).unwrap();
            let mut text = String::new();
            log.read_to_string(&mut text).unwrap();
            assert_eq!(text, "one\ntwo\n");
        }
        assert_eq!(mode(place.path(".hooks")), 0o700);
        assert_eq!(mode(place.path(HOOK)), 0o700);
        // Nothing is left of the writing.
        assert_eq!(fs::read_dir(place.path(HOOK)).unwrap().count(), 4);
    }

    #[test]
    fn the_pid_file_tells_pid_and_start_and_goes_with_its_process_only() {
        let place = Place::new();
        let directory = place.create(HOOK).unwrap();
        assert!(!directory.remove_pid_file(pid(12)).unwrap());
        for micros in [1_700_000_000_123_456, 1_700_000_001_000_000] {
            let started_at = Timestamp::from_unix_micros(micros).unwrap();
            directory.write_pid_file(pid(12), started_at).unwrap();
            let file = place.path(HOOK).join("process.pid");
            assert_eq!(fs::read(&file).unwrap(), b"12\n");
            let found = fs::metadata(&file).unwrap();
            let modified = found.mtime() * 1_000_000 + found.mtime_nsec() / 1000;
            assert_eq!(modified, micros);
        }
        for other in [1, 2, 121] {
            assert!(!directory.remove_pid_file(pid(other)).unwrap());
        }
        let later = ProgramDirectory::open(place.pwd.path(), HOOK).unwrap();
        assert!(later.remove_pid_file(pid(12)).unwrap());
        assert!(!later.remove_pid_file(pid(12)).unwrap());
    }

    #[test]
    fn a_link_at_any_level_is_refused_and_nothing_written_through_it() {
        for planted in [".hooks", HOOK] {
            let place = Place::new();
            let target = tempfile::tempdir().unwrap();
            fs::create_dir_all(place.path(planted).parent().unwrap()).unwrap();
            symlink(target.path(), place.path(planted)).unwrap();
            fs::create_dir_all(target.path().join("on_a.py")).unwrap();
            for opened in [
                place.create(HOOK),
                ProgramDirectory::open(place.pwd.path(), HOOK),
            ] {
                assert!(matches!(opened, Err(LogError::Directory { .. })));
            }
            assert_eq!(
                fs::read_dir(target.path().join("on_a.py")).unwrap().count(),
                0
            );
        }
        let place = Place::new();
        let directory = place.create(HOOK).unwrap();
        let target = place.path("target");
        for name in ["stdout.log", "stderr.log", "process.pid", "cmd.sh"] {
            fs::write(&target, "7\n").unwrap();
            let file = place.path(HOOK).join(name);
            for link in [target.clone(), place.path("nowhere")] {
                symlink(&link, &file).unwrap();
                assert_refused(&directory, name);
                fs::remove_file(&file).unwrap();
            }
            rustix::fs::mknodat(rustix::fs::CWD, &file, FileType::Fifo, Mode::RWXU, 0).unwrap();
            assert_refused(&directory, name);
            fs::remove_file(&file).unwrap();
            fs::create_dir(&file).unwrap();
            assert_refused(&directory, name);
            fs::remove_dir(&file).unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"7\n");
            assert!(!place.path("nowhere").exists());
        }
    }

    fn assert_refused(directory: &ProgramDirectory, name: &str) {
        let error = match name {
            "process.pid" => {
                assert!(directory.remove_pid_file(pid(7)).is_err());
                directory
                    .write_pid_file(pid(7), Timestamp::now())
                    .unwrap_err()
            }
            "cmd.sh" => directory.write_script(b"").unwrap_err(),
            _ => directory.append().unwrap_err(),
        };
        assert!(matches!(error, LogError::NotAFile { .. }), "{error}");
    }

    #[test]
    fn what_somebody_else_owns_is_refused() {
        if !rustix::process::geteuid().is_root() {
            println!("SKIPPED: only root can give files away");
            return;
        }
        let give = |path: PathBuf| std::os::unix::fs::chown(path, Some(65534), None).unwrap();
        let place = Place::new();
        let directory = place.create(HOOK).unwrap();
        for name in ["stdout.log", "stderr.log", "process.pid", "cmd.sh"] {
            let file = place.path(HOOK).join(name);
            fs::write(&file, "7\n").unwrap();
            give(file.clone());
            let error = match name {
                "process.pid" => directory
                    .write_pid_file(pid(7), Timestamp::now())
                    .unwrap_err(),
                "cmd.sh" => directory.write_script(b"").unwrap_err(),
                _ => directory.append().unwrap_err(),
            };
            assert!(
                matches!(error, LogError::NotOurs { owner: 65534, .. }),
                "{error}"
            );
            fs::remove_file(file).unwrap();
        }
        for planted in [HOOK, ".hooks"] {
            give(place.path(planted));
            assert!(matches!(place.create(HOOK), Err(LogError::NotOurs { .. })));
        }
        // Where it runs is for whoever runs it to say.
        give(place.pwd.path().to_owned());
        place.create(".").unwrap().append().unwrap();
    }

    #[test]
    fn a_working_directory_that_is_no_text_is_one_like_any_other() {
        let place = Place::new();
        let pwd = place
            .pwd
            .path()
            .join(OsStr::from_bytes(b"a\xff\xc3\n \xed\xa0\x80"));
        fs::create_dir(&pwd).unwrap();
        for inside in [HOOK, "."] {
            let directory = ProgramDirectory::create(&pwd, inside).unwrap();
            let mut files = directory.append().unwrap();
            files.stderr.write_all(b"text").unwrap();
            directory.write_pid_file(pid(7), Timestamp::now()).unwrap();
            directory.write_script(b"#!/bin/sh\n").unwrap();

            let at = pwd.join(inside);
            assert_eq!(files.stderr_path, at.join("stderr.log"));
            assert_eq!(fs::read(at.join("stderr.log")).unwrap(), b"text");
            let later = ProgramDirectory::open(&pwd, inside).unwrap();
            assert!(later.remove_pid_file(pid(7)).unwrap());
            assert!(at.join("cmd.sh").exists());
        }
        // Nothing went to a place of a similar name.
        assert_eq!(fs::read_dir(place.pwd.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        let place = Place::new();
        for inside in ["..", ".hooks/../..", "/tmp"] {
            let opened = place.create(inside);
            assert!(matches!(opened, Err(LogError::Outside { .. })), "{inside}");
        }
    }
}

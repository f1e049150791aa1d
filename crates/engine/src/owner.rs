//! Who supervises a process, and whether they still do.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostledger_model::{OwnerId, PidNamespace};
use hostledger_process::PidSpace;
use hostledger_sys::FileLock;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Our name for the rows we own, and the lock that says we are alive.
///
/// The lock is on a file of the data directory (an open file description lock, fcntl(2)): the
/// kernel releases it when we die, in whatever way. So whether an owner is alive is one question
/// to the kernel, without heartbeats and without pids. Whoever wants to be told of our death
/// finds in the file which process to watch ([`OwnerWatch`](crate::OwnerWatch)).
#[derive(Debug)]
pub struct Owner {
    id: OwnerId,
    path: PathBuf,
    _lock: FileLock,
}

/// An owner's lock could not be made or looked at.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the lock of an owner {}", path.display())]
pub struct OwnerError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Owner {
    /// A new owner, alive until this is dropped or the process dies.
    ///
    /// # Errors
    /// The file cannot be made in `directory`, which must exist, or cannot be locked.
    pub fn register(directory: &Path) -> Result<Self, OwnerError> {
        let id = OwnerId::generate();
        let path = lock_path(directory, id);
        let failed = |source| OwnerError {
            path: path.clone(),
            source,
        };
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        // Nobody knows the name yet, so nobody can hold the lock.
        let lock = FileLock::try_acquire(file.map_err(failed)?)
            .and_then(|lock| lock.ok_or_else(|| io::ErrorKind::WouldBlock.into()))
            .map_err(failed)?;
        // Written once it is locked: who reads this may ask for the lock.
        if let Ok(space) = PidSpace::current() {
            let holder = Holder {
                namespace: space.pid_namespace(),
                pid: own_pid(),
            };
            lock.file()
                .write_all(holder.to_text().as_bytes())
                .map_err(failed)?;
        }
        Ok(Self {
            id,
            path,
            _lock: lock,
        })
    }

    /// The name.
    #[must_use]
    pub fn id(&self) -> OwnerId {
        self.id
    }

    /// Whether the owner of this name is alive, on this host.
    ///
    /// # Errors
    /// The lock cannot be asked for, other than as there is none.
    pub fn is_alive(directory: &Path, id: OwnerId) -> Result<bool, OwnerError> {
        Ok(Self::lock_state(directory, id)? == Some(true))
    }

    /// Whether the lock of the owner of this name is held; none when there is none.
    pub(crate) fn lock_state(directory: &Path, id: OwnerId) -> Result<Option<bool>, OwnerError> {
        let path = lock_path(directory, id);
        let held = match File::open(&path) {
            Ok(file) => FileLock::is_held(&file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        held.map_err(|source| OwnerError { path, source })
    }

    /// What tells this directory from any other, made when it is missing: others of the same
    /// ledger read it before they ask for a lock in it.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn mark(directory: &Path) -> Result<String, OwnerError> {
        if let Some(mark) = read_mark(directory) {
            return Ok(mark);
        }
        let mark = OwnerId::generate().simple();
        let made = directory.join(format!("{MARK}.{mark}"));
        let path = directory.join(MARK);
        // Whole from the start, and the first one stays.
        let moved = fs::write(&made, &mark).and_then(|()| {
            match renameat_with(CWD, &made, CWD, &path, RenameFlags::NOREPLACE) {
                // Not every file system knows that; a link never replaces anything either.
                Err(Errno::INVAL) => fs::hard_link(&made, &path).and(fs::remove_file(&made)),
                kept => Ok(kept?),
            }
        });
        match moved {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(&made),
            moved => moved,
        }
        .map_err(|source| OwnerError {
            path: path.clone(),
            source,
        })?;
        read_mark(directory).ok_or_else(|| OwnerError {
            path,
            source: io::ErrorKind::NotFound.into(),
        })
    }
}

/// The file of [`Owner::mark`], beside the locks.
const MARK: &str = "mark";

/// The mark of a directory of locks, where it has one.
pub(crate) fn read_mark(directory: &Path) -> Option<String> {
    let mark = fs::read_to_string(directory.join(MARK)).ok()?;
    (!mark.is_empty()).then_some(mark)
}

/// How long the making of a lock can take.
const UNTIL_MADE: Duration = Duration::from_secs(60);

impl Owner {
    /// Removes the locks of owners that died without being able to.
    ///
    /// # Errors
    /// The directory cannot be listed, or a lock not be asked for.
    pub fn sweep(directory: &Path) -> Result<(), OwnerError> {
        let failed = |source| OwnerError {
            path: directory.to_owned(),
            source,
        };
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if owner_of(&path).is_none() {
                continue;
            }
            let age = fs::metadata(&path).and_then(|file| file.modified());
            let age = age.ok().and_then(|modified| modified.elapsed().ok());
            // A younger one may be about to be locked.
            if age.is_none_or(|age| age < UNTIL_MADE) {
                continue;
            }
            let held = File::open(&path).and_then(|file| FileLock::is_held(&file));
            if held.is_ok_and(|held| !held)
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::debug!(path = %path.display(), %error, "a dead owner's lock stays");
            }
        }
        Ok(())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "an owner's lock file stays");
        }
    }
}

/// Which process holds a lock, as its file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The namespace in which the pid means it.
    pub(crate) namespace: PidNamespace,
    pub(crate) pid: i32,
}

impl Holder {
    fn to_text(self) -> String {
        format!("{} {}\n", self.namespace.0, self.pid)
    }

    /// None when it is not written yet, or by nobody of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (namespace, pid) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Self {
            namespace: PidNamespace(namespace.parse().ok()?),
            pid: pid.parse().ok()?,
        })
    }
}

fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_pid()
}

/// Whose lock a file is, by its name.
pub(crate) fn owner_of(path: &Path) -> Option<OwnerId> {
    let is_lock = path.extension() == Some(OsStr::new("lock"));
    path.file_stem().filter(|_| is_lock)?.to_str()?.parse().ok()
}

pub(crate) fn lock_path(directory: &Path, id: OwnerId) -> PathBuf {
    directory.join(format!("{}.lock", id.simple()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_alive_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let owner = Owner::register(directory.path()).unwrap();
        let id = owner.id();
        assert!(Owner::is_alive(directory.path(), id).unwrap());
        assert!(!Owner::is_alive(directory.path(), OwnerId::generate()).unwrap());
        drop(owner);
        assert!(!Owner::is_alive(directory.path(), id).unwrap());
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }

    #[test]
    fn a_directory_has_one_mark_however_many_make_it() {
        let directory = tempfile::tempdir().unwrap();
        let marks: Vec<_> = std::thread::scope(|scope| {
            let make = || Owner::mark(directory.path()).unwrap();
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            makers.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(marks.iter().all(|mark| *mark == marks[0]), "{marks:?}");
        Owner::sweep(directory.path()).unwrap();
        assert_eq!(Owner::mark(directory.path()).unwrap(), marks[0]);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Owner::mark(other.path()).unwrap(), marks[0]);
    }

    #[test]
    fn who_holds_a_lock_reads_as_it_was_written() {
        let holder = Holder {
            namespace: PidNamespace(4_026_531_836),
            pid: 4711,
        };
        assert_eq!(Holder::parse(&holder.to_text()), Some(holder));
        for text in ["", "1", "1 2", "x 2\n", "1 \n"] {
            assert_eq!(Holder::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_file_of_a_dead_owner_says_that_it_is_dead() {
        let directory = tempfile::tempdir().unwrap();
        let id = OwnerId::generate();
        fs::write(lock_path(directory.path(), id), "").unwrap();
        assert!(!Owner::is_alive(directory.path(), id).unwrap());
    }
    #[test]
    fn only_locks_of_the_dead_are_swept_and_not_before_they_could_be_locked() {
        let directory = tempfile::tempdir().unwrap();
        let before = std::time::SystemTime::now() - 2 * UNTIL_MADE;
        let age = |path: &Path| {
            let file = File::options().append(true).open(path).unwrap();
            let times = fs::FileTimes::new().set_modified(before);
            file.set_times(times).unwrap();
        };
        let left_behind = || {
            let path = lock_path(directory.path(), OwnerId::generate());
            fs::write(&path, "").unwrap();
            path
        };
        let (dead, young) = (left_behind(), left_behind());
        age(&dead);
        let alive = Owner::register(directory.path()).unwrap();
        age(&alive.path);
        Owner::sweep(directory.path()).unwrap();
        assert!(!dead.exists(), "nobody holds it");
        assert!(young.exists(), "it may be about to be locked");
        assert!(Owner::is_alive(directory.path(), alive.id()).unwrap());
    }

    #[test]
    fn a_stale_file_that_names_a_living_process_keeps_nobody_for_alive() {
        let directory = tempfile::tempdir().unwrap();
        let id = OwnerId::generate();
        // As a pid file would: we live.
        let pid = std::process::id().to_string();
        fs::write(lock_path(directory.path(), id), pid).unwrap();
        assert!(!Owner::is_alive(directory.path(), id).unwrap());
    }
}

//! A lock on a file that says its owner is alive (open file description locks, fcntl(2)).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use rustix::io::Errno;

use crate::wait::last_errno;

/// A file locked for as long as this lives; the kernel lets go when the process dies, however.
///
/// The lock belongs to the open file, not to the process: a second opening of the same file in
/// this program competes with it too, and closing another descriptor of the file does not
/// release it (as it would with POSIX record locks). Unlike flock(2) it can be asked about
/// without being taken.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Takes the lock if nobody holds it; `None` when somebody does.
    ///
    /// # Errors
    /// `EBADF` when the file is not open for writing; `ENOLCK`, `EOPNOTSUPP` where the file
    /// system has no locks.
    pub fn try_acquire(file: File) -> io::Result<Option<Self>> {
        match lock_call(&file, libc::F_OFD_SETLK) {
            Ok(_) => Ok(Some(Self { file })),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes the lock, and waits for as long as others hold it. The kernel tells when they let go;
    /// nothing else ends the wait.
    ///
    /// # Errors
    /// Those of [`try_acquire`](Self::try_acquire).
    pub fn acquire(file: File) -> io::Result<Self> {
        loop {
            match lock_call(&file, libc::F_OFD_SETLKW) {
                Ok(_) => return Ok(Self { file }),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Whether somebody else holds the lock, without taking it; reading the file is enough.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn is_held(file: &File) -> io::Result<bool> {
        let found = lock_call(file, libc::F_OFD_GETLK)?;
        Ok(libc::c_int::from(found.l_type) != libc::F_UNLCK)
    }

    /// The locked file, to write into it who owns it.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// A write lock over the whole file, however long it grows.
fn lock_call(file: &File, command: libc::c_int) -> Result<libc::flock, Errno> {
    // SAFETY: all zeroes is a valid flock; l_pid has to be 0 for these commands.
    let mut lock = unsafe { std::mem::zeroed::<libc::flock>() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: these commands read and write one flock, alive during the call.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) };
    if done == 0 {
        Ok(lock)
    } else {
        Err(last_errno())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_seen_and_not_given_twice_and_ends_with_its_handle() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || {
            File::options()
                .read(true)
                .write(true)
                .open(file.path())
                .unwrap()
        };
        let reader = File::open(file.path()).unwrap();

        assert!(!FileLock::is_held(&reader).unwrap());
        let lock = FileLock::try_acquire(open()).unwrap().unwrap();
        assert!(FileLock::is_held(&reader).unwrap());
        assert!(FileLock::try_acquire(open()).unwrap().is_none());
        // A POSIX lock would be gone after this.
        drop(open());
        assert!(FileLock::is_held(&reader).unwrap());
        drop(lock);
        assert!(!FileLock::is_held(&reader).unwrap());
        assert!(FileLock::try_acquire(open()).unwrap().is_some());
    }

    #[test]
    fn who_waits_has_it_when_it_is_free() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let held = FileLock::try_acquire(file.reopen().unwrap()).unwrap();
        let (sender, got) = std::sync::mpsc::channel();
        let waits = file.reopen().unwrap();
        let waiter = std::thread::spawn(move || sender.send(FileLock::acquire(waits)).unwrap());
        let still = got.recv_timeout(std::time::Duration::from_millis(50));
        assert!(still.is_err(), "it is held");
        drop(held);
        let lock = got.recv().unwrap().unwrap();
        assert!(FileLock::is_held(&file.reopen().unwrap()).unwrap());
        drop(lock);
        waiter.join().unwrap();
    }

    #[test]
    fn a_file_open_for_reading_only_cannot_be_locked() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = FileLock::try_acquire(File::open(file.path()).unwrap());
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}

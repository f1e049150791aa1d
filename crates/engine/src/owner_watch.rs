//! Being told when another owner goes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostledger_model::{OwnerId, PidNamespace};
use hostledger_process::PidSpace;
use hostledger_sys::FileLock;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::moment::wait_for;
use crate::owner::{Holder, lock_path, owner_of};

/// What a token of epoll means that is no owner.
const DIRECTORY: u64 = 0;
const AGAIN: u64 = 1;
/// Owners have the numbers behind it.
const LAST_OF_OURS: u64 = AGAIN;

/// Until those are looked at again who could not be looked at, in seconds.
const PAUSE: i64 = 5;

/// A child of an owner between fork and exec holds its lock a moment longer than it lives.
const UNTIL_RELEASED: Duration = Duration::from_millis(50);

/// Watches the owners of a data directory: says who of them has died or left, without threads and
/// without looking again and again.
///
/// A lock cannot be waited for without taking it. So its file says which process holds it, and
/// that is held by a pidfd (pidfd_open(2)): opened first, and then the lock is seen to be held
/// still, it is the owner's and no stranger's. An owner in another pid namespace is only known to
/// have gone when it removes its lock itself.
#[derive(Debug)]
pub struct OwnerWatch {
    directory: PathBuf,
    own: OwnerId,
    namespace: Option<PidNamespace>,
    readiness: OwnedFd,
    notices: OwnedFd,
    /// A timer: a notice comes only once, whatever becomes of looking at whom it tells of.
    again: OwnedFd,
    watched: HashMap<OwnerId, Watched>,
    last_token: u64,
    /// Who could not be looked at.
    unseen: Vec<OwnerId>,
    /// Whether notices were lost, so that nobody knows whom they told of.
    lost: bool,
    gone: Vec<OwnerId>,
}

#[derive(Debug)]
struct Watched {
    token: u64,
    pidfd: OwnedFd,
}

impl OwnerWatch {
    /// Watches all owners in `directory`, those that come later too, but not `own`.
    ///
    /// # Errors
    /// Descriptors or inotify watches have run out, or there is no such directory.
    pub fn new(directory: &Path, own: OwnerId) -> io::Result<Self> {
        let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // What a lock's file says is written when it is locked.
        let changes = WatchFlags::MODIFY | WatchFlags::DELETE | WatchFlags::ONLYDIR;
        inotify::add_watch(&notices, directory, changes)?;
        let readiness = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let again = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        for (fd, token) in [(&notices, DIRECTORY), (&again, AGAIN)] {
            let token = epoll::EventData::new_u64(token);
            epoll::add(&readiness, fd, token, epoll::EventFlags::IN)?;
        }
        let mut watch = Self {
            directory: directory.to_owned(),
            own,
            namespace: PidSpace::current().ok().map(PidSpace::pid_namespace),
            readiness,
            notices,
            again,
            watched: HashMap::new(),
            last_token: LAST_OF_OURS,
            unseen: Vec::new(),
            lost: true,
            gone: Vec::new(),
        };
        if let Err(error) = watch.look_at_all() {
            tracing::warn!(%error, "an owner could not be looked at: it is tried again");
            watch.set_timer(PAUSE)?;
        }
        Ok(watch)
    }

    /// Who has gone since the last call; each is told once.
    ///
    /// # Errors
    /// Descriptors have run out, or the directory cannot be read: there is something to look at
    /// again in a moment then, and nobody is passed over. Who is known to have gone is told first.
    pub fn take_gone(&mut self) -> io::Result<Vec<OwnerId>> {
        let mut events = Vec::with_capacity(64);
        let mut looked = Ok(());
        loop {
            events.clear();
            match epoll::wait(
                &self.readiness,
                spare_capacity(&mut events),
                Some(&Timespec::default()),
            ) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            for event in &events {
                looked = looked.and(match event.data.u64() {
                    DIRECTORY => self.read_notices(),
                    AGAIN => self.look_again(),
                    token => self.has_ended(token),
                });
            }
            if looked.is_err() {
                self.set_timer(PAUSE)?;
                break;
            }
        }
        if self.gone.is_empty() {
            looked?;
        }
        Ok(std::mem::take(&mut self.gone))
    }

    /// Has it look again in so many seconds; not any more for 0.
    fn set_timer(&self, seconds: i64) -> io::Result<()> {
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec {
                tv_sec: seconds,
                tv_nsec: 0,
            },
        };
        timerfd_settime(&self.again, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    /// Who leaves of its own accord takes its lock away first and ends then: both are told at once.
    fn tell_gone(&mut self, owner: OwnerId) {
        if !self.gone.contains(&owner) {
            self.gone.push(owner);
        }
    }

    fn has_ended(&mut self, token: u64) -> io::Result<()> {
        let mut watched = self.watched.iter();
        let owner = watched.find_map(|(id, it)| (it.token == token).then_some(*id));
        let Some(owner) = owner else {
            return Ok(());
        };
        let forgotten = self.forget(owner);
        let path = lock_path(&self.directory, owner);
        let is_free = || {
            let held = File::open(&path).and_then(|file| FileLock::is_held(&file));
            (!held.unwrap_or(false)).then_some(())
        };
        // One that forked and goes on in the child is not over: its lock will be.
        if wait_for(UNTIL_RELEASED, is_free).is_none() {
            tracing::debug!(%owner, "an owner has ended, and another process holds its lock");
        }
        self.tell_gone(owner);
        forgotten
    }

    fn read_notices(&mut self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut changed = Vec::new();
        {
            let mut notices = inotify::Reader::new(&self.notices, &mut buffer);
            loop {
                match notices.next() {
                    Ok(notice) => {
                        self.lost |= notice.events().contains(ReadFlags::QUEUE_OVERFLOW);
                        let name = notice.file_name().map(|name| name.to_bytes().to_owned());
                        let deleted = notice.events().contains(ReadFlags::DELETE);
                        changed.extend(name.map(|name| (name, deleted)));
                    }
                    Err(Errno::AGAIN) => break,
                    Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
        }
        let mut looked = Ok(());
        for (name, deleted) in changed {
            let name = Path::new(OsStr::from_bytes(&name));
            looked = looked.and(match owner_of(name) {
                Some(owner) if deleted && owner != self.own => {
                    self.tell_gone(owner);
                    self.forget(owner)
                }
                Some(owner) => self.look_at(owner),
                None => Ok(()),
            });
        }
        if self.lost {
            looked = looked.and(self.look_at_all());
        }
        looked
    }

    fn look_again(&mut self) -> io::Result<()> {
        self.set_timer(0)?;
        if self.lost {
            return self.look_at_all();
        }
        let mut looked = Ok(());
        for owner in std::mem::take(&mut self.unseen) {
            looked = looked.and(self.look_at(owner));
        }
        looked
    }

    /// One that cannot be looked at keeps none of the others from it.
    fn look_at_all(&mut self) -> io::Result<()> {
        let mut looked = Ok(());
        for entry in fs::read_dir(&self.directory)? {
            if let Some(owner) = owner_of(&entry?.path()) {
                looked = looked.and(self.look_at(owner));
            }
        }
        self.lost = false;
        looked
    }

    /// Begins to watch an owner, or finds that it has gone already.
    fn look_at(&mut self, owner: OwnerId) -> io::Result<()> {
        let seen = self.see(owner);
        if seen.is_err() && !self.unseen.contains(&owner) {
            self.unseen.push(owner);
        }
        seen
    }

    fn see(&mut self, owner: OwnerId) -> io::Result<()> {
        if owner == self.own || self.watched.contains_key(&owner) {
            return Ok(());
        }
        let mut file = match File::open(lock_path(&self.directory, owner)) {
            Ok(file) => file,
            // Its deletion is told by itself.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let Some(holder) = Holder::parse(&text) else {
            return Ok(());
        };
        let pidfd = match self.hold(holder) {
            Ok(pidfd) => pidfd,
            Err(Errno::SRCH) => None,
            Err(errno) => return Err(errno.into()),
        };
        if !FileLock::is_held(&file)? {
            self.tell_gone(owner);
        } else if let Some(pidfd) = pidfd {
            self.last_token += 1;
            let token = self.last_token;
            let data = epoll::EventData::new_u64(token);
            epoll::add(&self.readiness, &pidfd, data, epoll::EventFlags::IN)?;
            self.watched.insert(owner, Watched { token, pidfd });
        }
        Ok(())
    }

    /// None where the pid means nothing to us.
    fn hold(&self, holder: Holder) -> Result<Option<OwnedFd>, Errno> {
        let pid = Pid::from_raw(holder.pid).filter(|_| self.namespace == Some(holder.namespace));
        pid.map(|pid| pidfd_open(pid, PidfdFlags::empty()))
            .transpose()
    }

    fn forget(&mut self, owner: OwnerId) -> io::Result<()> {
        match self.watched.remove(&owner) {
            // A child before its exec can hold a copy, whose events would still come.
            Some(watched) => Ok(epoll::delete(&self.readiness, &watched.pidfd)?),
            None => Ok(()),
        }
    }
}

impl AsFd for OwnerWatch {
    /// Readable when [`take_gone`](OwnerWatch::take_gone) has something to look at.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.readiness.as_fd()
    }
}

#[cfg(test)]
mod tests;

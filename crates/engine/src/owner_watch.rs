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

use crate::moment::wait_for;
use crate::owner::{Holder, lock_path, owner_of};

/// Who a token of epoll means that is no owner.
const DIRECTORY: u64 = 0;

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
    watched: HashMap<OwnerId, Watched>,
    last_token: u64,
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
    /// Descriptors or inotify watches have run out, or the directory cannot be read.
    pub fn new(directory: &Path, own: OwnerId) -> io::Result<Self> {
        let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // What a lock's file says is written when it is locked.
        let changes = WatchFlags::MODIFY | WatchFlags::DELETE | WatchFlags::ONLYDIR;
        inotify::add_watch(&notices, directory, changes)?;
        let readiness = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let token = epoll::EventData::new_u64(DIRECTORY);
        epoll::add(&readiness, &notices, token, epoll::EventFlags::IN)?;
        let mut watch = Self {
            directory: directory.to_owned(),
            own,
            namespace: PidSpace::current().ok().map(PidSpace::pid_namespace),
            readiness,
            notices,
            watched: HashMap::new(),
            last_token: DIRECTORY,
            gone: Vec::new(),
        };
        watch.look_at_all()?;
        Ok(watch)
    }

    /// Who has gone since the last call; each is told once.
    ///
    /// # Errors
    /// Descriptors have run out, or the directory cannot be read; whoever has gone then is told
    /// by a later call.
    pub fn take_gone(&mut self) -> io::Result<Vec<OwnerId>> {
        let mut events = Vec::with_capacity(64);
        loop {
            events.clear();
            let none = rustix::event::Timespec::default();
            match epoll::wait(&self.readiness, spare_capacity(&mut events), Some(&none)) {
                Ok(0) => return Ok(std::mem::take(&mut self.gone)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            for event in &events {
                match event.data.u64() {
                    DIRECTORY => self.read_notices()?,
                    token => self.has_ended(token)?,
                }
            }
        }
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
        self.forget(owner)?;
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
        Ok(())
    }

    fn read_notices(&mut self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut changed = Vec::new();
        let mut lost = false;
        {
            let mut notices = inotify::Reader::new(&self.notices, &mut buffer);
            loop {
                match notices.next() {
                    Ok(notice) => {
                        lost |= notice.events().contains(ReadFlags::QUEUE_OVERFLOW);
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
        for (name, deleted) in changed {
            let name = Path::new(OsStr::from_bytes(&name));
            match owner_of(name) {
                Some(owner) if deleted && owner != self.own => {
                    self.forget(owner)?;
                    self.tell_gone(owner);
                }
                Some(owner) => self.look_at(owner)?,
                None => {}
            }
        }
        if lost {
            self.look_at_all()?;
        }
        Ok(())
    }

    fn look_at_all(&mut self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            if let Some(owner) = owner_of(&entry?.path()) {
                self.look_at(owner)?;
            }
        }
        Ok(())
    }

    /// Begins to watch an owner, or finds that it has gone already.
    fn look_at(&mut self, owner: OwnerId) -> io::Result<()> {
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
mod tests {
    use std::process::{Child, Command, Stdio};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;
    use crate::Owner;

    /// Another process that holds the lock of an owner, which a test of this binary is told to be.
    fn other_process(directory: &Path) -> (Child, OwnerId) {
        let before = owners(directory);
        #[expect(
            clippy::disallowed_methods,
            reason = "a test has nothing to record about its own programs"
        )]
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "owner_watch::tests::an_owner", "--nocapture"])
            .env("OWNER_IN", directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let new = || {
            owners(directory)
                .into_iter()
                .find(|it| !before.contains(it))
        };
        let held = |owner: OwnerId| {
            let text = fs::read_to_string(lock_path(directory, owner)).unwrap_or_default();
            Holder::parse(&text).map(|_| owner)
        };
        let owner = wait_for(Duration::from_secs(30), || new().and_then(held));
        (child, owner.expect("the other process registers"))
    }

    fn owners(directory: &Path) -> Vec<OwnerId> {
        let files = fs::read_dir(directory).unwrap();
        files
            .filter_map(|file| owner_of(&file.unwrap().path()))
            .collect()
    }

    /// Nothing unless it is the other process: then it is an owner until its input ends.
    #[test]
    fn an_owner() {
        let Some(directory) = std::env::var_os("OWNER_IN") else {
            return;
        };
        let owner = Owner::register(Path::new(&directory)).unwrap();
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
        drop(owner);
    }

    fn is_ready(watch: &OwnerWatch, within: Duration) -> bool {
        let timeout = Timespec::try_from(within).unwrap();
        poll(&mut [PollFd::new(watch, PollFlags::IN)], Some(&timeout)).unwrap() > 0
    }

    fn next_gone(watch: &mut OwnerWatch) -> OwnerId {
        loop {
            assert!(is_ready(watch, Duration::from_secs(30)), "somebody goes");
            if let [gone] = watch.take_gone().unwrap()[..] {
                return gone;
            }
        }
    }

    #[test]
    fn the_death_of_others_is_told_of_those_that_were_there_and_of_those_that_came() {
        let directory = tempfile::tempdir().unwrap();
        let own = Owner::register(directory.path()).unwrap();
        let (mut earlier, first) = other_process(directory.path());
        let mut watch = OwnerWatch::new(directory.path(), own.id()).unwrap();
        let (mut later, second) = other_process(directory.path());
        assert_eq!(watch.take_gone().unwrap(), []);

        earlier.kill().unwrap();
        assert_eq!(next_gone(&mut watch), first);
        later.kill().unwrap();
        assert_eq!(next_gone(&mut watch), second);
        earlier.wait().unwrap();
        later.wait().unwrap();
        assert_eq!(watch.take_gone().unwrap(), []);
    }

    #[test]
    fn who_leaves_of_its_own_accord_is_told_once() {
        let directory = tempfile::tempdir().unwrap();
        let own = Owner::register(directory.path()).unwrap();
        let mut watch = OwnerWatch::new(directory.path(), own.id()).unwrap();
        let (mut other, owner) = other_process(directory.path());
        drop(other.stdin.take());
        assert_eq!(next_gone(&mut watch), owner);
        other.wait().unwrap();
        assert_eq!(watch.take_gone().unwrap(), []);
        assert!(!is_ready(&watch, Duration::ZERO));
    }

    #[test]
    fn who_was_dead_before_is_told_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let (mut dead, owner) = other_process(directory.path());
        dead.kill().unwrap();
        dead.wait().unwrap();
        let mut watch = OwnerWatch::new(directory.path(), OwnerId::generate()).unwrap();
        assert_eq!(watch.take_gone().unwrap(), [owner]);
    }
}

//! Taking over from those who die.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hostledger_model::{OwnerId, Process, ProcessId, Timestamp, with_causes};
use hostledger_process::Pidfd;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use crate::age::age;
use crate::bystander::{Bystander, Inheritance};
use crate::owner_watch::OwnerWatch;
use crate::waker::Waker;

/// How long after its time is up a process is left to its keeper, which ends it by itself.
const LEFT_TO_KEEPER: Duration = Duration::from_secs(7);

/// Between looks at what was not to be settled yet, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Between looks for those who have died in other data directories, which nobody tells of.
const BETWEEN_LOOKS: Duration = Duration::from_secs(30);

const STOP: u64 = 0;
const OWNERS: u64 = 1;
/// Processes have the numbers behind it.
const LAST_OF_OURS: u64 = OWNERS;

/// Takes over what others leave behind when they die, for as long as it lives: what they had not
/// started is due again, what has ended is settled by what its keeper saw, and what runs on is
/// waited for and settled when it ends.
///
/// All that is done on a thread of its own, as it waits for the database. It sleeps while nobody
/// dies and nothing ends.
#[derive(Debug)]
pub struct TakeOver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    waker: Waker,
    ends: AtomicBool,
    busy: AtomicBool,
}

/// Others cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot watch those who share the ledger: descriptors, inotify watches or threads have run out"
)]
pub struct TakeOverError(#[from] io::Error);

impl TakeOver {
    /// Begins with those who are dead already.
    ///
    /// `changed` is called, on another thread, when [`is_busy`](Self::is_busy) may have changed.
    ///
    /// # Errors
    /// Descriptors, inotify watches or threads have run out.
    pub fn start(
        bystander: Bystander,
        own: OwnerId,
        changed: impl Fn() + Send + 'static,
    ) -> Result<Self, TakeOverError> {
        let shared = Arc::new(Shared {
            waker: Waker::new()?,
            ends: AtomicBool::new(false),
            busy: AtomicBool::new(true),
        });
        let heir = Heir::new(bystander, own, Arc::clone(&shared))?;
        let thread = thread::Builder::new()
            .name("hostledger-heir".to_owned())
            .spawn(move || heir.run(&changed))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Whether something of the dead is still to be settled, or waited for. What may outlive
    /// whoever started it is not waited for.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.shared.busy.load(Ordering::Acquire)
    }
}

impl TakeOver {
    /// Has it end as soon as it can, which is not waited for; what runs on is left to whoever comes
    /// next.
    pub(crate) fn end(&self) {
        self.shared.ends.store(true, Ordering::Release);
        self.shared.waker.wake();
    }

    /// Whether it has ended: dropped, it is not waited for.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for TakeOver {
    /// Ends it, and waits for that: seconds, if it stops something this moment.
    fn drop(&mut self) {
        self.end();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that takes over from the dead has panicked");
        }
    }
}

/// What the thread owns.
struct Heir {
    bystander: Bystander,
    own: OwnerId,
    shared: Arc<Shared>,
    owners: OwnerWatch,
    readiness: OwnedFd,
    inherited: HashMap<u64, Inherited>,
    last_token: u64,
    /// Who is to be looked at again, and when.
    again: HashMap<OwnerId, Again>,
    /// When to ask again who is dead, as the database could not be read.
    unasked: Option<Again>,
    /// When to look again for the dead of other data directories; none where there are none.
    look_at: Option<Instant>,
}

/// A process that runs on.
struct Inherited {
    process: Process,
    pidfd: Pidfd,
    owner: OwnerId,
    /// When it is to be stopped; none when it may run as long as it likes, or was.
    overdue_at: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Again {
    at: Instant,
    pause: Duration,
}

impl Again {
    /// After a longer pause than the last one.
    fn after(earlier: Option<Self>) -> Self {
        let pause = earlier.map_or(FIRST_PAUSE, |it| (it.pause * 2).min(LONGEST_PAUSE));
        let at = Instant::now() + pause;
        Self { at, pause }
    }
}

impl Heir {
    fn new(bystander: Bystander, own: OwnerId, shared: Arc<Shared>) -> io::Result<Self> {
        let owners = OwnerWatch::new(&bystander.owners, own)?;
        let readiness = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (fd, token) in [(shared.waker.as_fd(), STOP), (owners.as_fd(), OWNERS)] {
            let token = epoll::EventData::new_u64(token);
            epoll::add(&readiness, fd, token, epoll::EventFlags::IN)?;
        }
        let is_remote = bystander.store.is_remote();
        let look_at = is_remote.then(|| Instant::now() + BETWEEN_LOOKS);
        Ok(Self {
            bystander,
            own,
            shared,
            owners,
            readiness,
            inherited: HashMap::new(),
            last_token: LAST_OF_OURS,
            again: HashMap::new(),
            unasked: None,
            look_at,
        })
    }

    fn run(mut self, changed: &dyn Fn()) {
        // Some have left long ago, with their locks.
        self.look_for_dead();
        while !self.shared.ends.load(Ordering::Acquire) {
            match self.owners.take_gone() {
                Ok(gone) => gone.into_iter().for_each(|owner| self.soon(owner)),
                Err(error) => failed("nobody tells of the death of others", &error),
            }
            let now = Instant::now();
            if self.look_at.is_some_and(|at| at <= now) {
                self.look_at = Some(now + BETWEEN_LOOKS);
                self.look_for_dead();
            } else if self.unasked.is_some_and(|again| again.at <= now) {
                self.look_for_dead();
            }
            let due = self.again.iter().filter(|(_, again)| again.at <= now);
            for owner in due.map(|(owner, _)| *owner).collect::<Vec<_>>() {
                self.take_over(owner);
            }
            self.stop_overdue();
            // What may outlive its worker goes on, whoever comes and goes.
            let awaited = |it: &Inherited| !it.process.detached;
            let open = self.unasked.is_some() || !self.again.is_empty();
            let busy = open || self.inherited.values().any(awaited);
            self.shared.busy.store(busy, Ordering::Release);
            changed();
            for token in self.wait() {
                self.has_ended(token);
            }
        }
    }

    fn look_for_dead(&mut self) {
        match self.bystander.dead_owners(self.own) {
            Ok(dead) => {
                self.unasked = None;
                for owner in dead {
                    let is_known = self.again.contains_key(&owner)
                        || self.inherited.values().any(|it| it.owner == owner);
                    if !is_known {
                        self.soon(owner);
                    }
                }
            }
            Err(error) => {
                failed("those who have died are not known yet", &error);
                self.unasked = Some(Again::after(self.unasked));
            }
        }
    }

    fn soon(&mut self, owner: OwnerId) {
        let (at, pause) = (Instant::now(), FIRST_PAUSE);
        self.again.insert(owner, Again { at, pause });
    }

    fn later(&mut self, owner: OwnerId) {
        let earlier = self.again.get(&owner).copied();
        self.again.insert(owner, Again::after(earlier));
    }

    fn take_over(&mut self, owner: OwnerId) {
        match self.bystander.inherit(owner) {
            Ok(Inheritance::Dead { running, open }) => {
                if open {
                    self.later(owner);
                } else {
                    self.again.remove(&owner);
                }
                for (process, pidfd) in running {
                    self.wait_for(owner, process, pidfd);
                }
            }
            // A child it has forked may hold its lock for a moment, or go on with it.
            Ok(Inheritance::Alive) => self.later_or_never(owner),
            Err(error) => {
                failed("what another has left is not taken over yet", &error);
                self.later(owner);
            }
        }
    }

    /// The lock of a dead owner that somebody else holds is looked at until that goes on for too
    /// long to be an accident.
    fn later_or_never(&mut self, owner: OwnerId) {
        self.later(owner);
        if self
            .again
            .get(&owner)
            .is_some_and(|it| it.pause >= LONGEST_PAUSE)
        {
            self.again.remove(&owner);
        }
    }

    fn wait_for(&mut self, owner: OwnerId, process: Process, pidfd: Pidfd) {
        let is_known = |id: ProcessId| self.inherited.values().any(|it| it.process.id == id);
        if is_known(process.id) {
            return;
        }
        self.last_token += 1;
        let token = epoll::EventData::new_u64(self.last_token);
        if let Err(errno) = epoll::add(&self.readiness, &pidfd, token, epoll::EventFlags::IN) {
            failed("a process is not waited for yet", &io::Error::from(errno));
            self.later(owner);
            return;
        }
        let inherited = Inherited {
            overdue_at: overdue_at(&process),
            process,
            pidfd,
            owner,
        };
        self.inherited.insert(self.last_token, inherited);
    }

    fn has_ended(&mut self, token: u64) {
        let Some(inherited) = self.inherited.remove(&token) else {
            return;
        };
        if let Err(errno) = epoll::delete(&self.readiness, &inherited.pidfd) {
            failed("an ended process is still watched", &io::Error::from(errno));
        }
        let Inherited {
            process,
            pidfd,
            owner,
            ..
        } = inherited;
        if let Err(error) = self.bystander.settle_inherited(&process, &pidfd) {
            failed("an end is not settled yet", &error);
            self.later(owner);
        }
    }

    fn stop_overdue(&mut self) {
        let now = Instant::now();
        let overdue = self.inherited.values_mut();
        let overdue = overdue.filter(|it| it.overdue_at.is_some_and(|at| at <= now));
        let overdue: Vec<Process> = overdue
            .map(|it| {
                it.overdue_at = None;
                it.process.clone()
            })
            .collect();
        if overdue.is_empty() {
            return;
        }
        if let Err(error) = self.bystander.stop_overdue(overdue) {
            failed("processes whose time is up are not stopped", &error);
        }
    }

    /// Sleeps until something is to be done; gives those that have ended.
    fn wait(&mut self) -> Vec<u64> {
        let again = self.again.values().map(|again| again.at);
        let overdue = self.inherited.values().filter_map(|it| it.overdue_at);
        let unasked = self.unasked.map(|again| again.at);
        let next = again
            .chain(overdue)
            .chain(self.look_at)
            .chain(unasked)
            .min();
        let timeout = next.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut events = Vec::with_capacity(64);
        match epoll::wait(
            &self.readiness,
            spare_capacity(&mut events),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => failed("the take-over failed to wait", &io::Error::from(errno)),
        }
        let tokens = events.iter().map(|event| event.data.u64());
        tokens.filter(|token| *token > LAST_OF_OURS).collect()
    }
}

/// When a process that nobody supervises has to be stopped.
fn overdue_at(process: &Process) -> Option<Instant> {
    let limit = Duration::from_millis(process.timeout_ms?).checked_add(LEFT_TO_KEEPER)?;
    let ran = age(process, Timestamp::now())?;
    let left = limit.saturating_sub(ran.to_std().unwrap_or(Duration::ZERO));
    Instant::now().checked_add(left)
}

fn failed(what: &str, error: &dyn std::error::Error) {
    tracing::warn!(error = with_causes(error), "{what}");
}

//! Direct children, watched until each end is written down.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use hostledger_sys::{Pidfd, keep_ended_children, peek_ended, reap};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::end::{known, witnessed};
use crate::identity::is_errno;
use crate::{EndStatus, Means, PidSpace};

/// The direct children of this process, each under a key of the caller's.
///
/// An end is *read* by [`take_ended`](Self::take_ended), which leaves the zombie; the caller
/// writes it down, and only then [`release`](Self::release)s the child, which reaps it. A crash
/// in between loses nothing: whoever inherits the zombie reads the same again.
///
/// Its descriptor ([`AsFd`]) is readable when somebody has ended: put it into any event loop.
/// Dropping this leaves the children running.
#[derive(Debug)]
pub struct Children<K> {
    means: Means,
    epoll: OwnedFd,
    children: HashMap<K, Child>,
    keys: HashMap<u64, K>,
    last_token: u64,
}

#[derive(Debug)]
struct Child {
    pidfd: Pidfd,
    ended: bool,
}

/// An end that was read; the zombie is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended<K> {
    /// Whose.
    pub key: K,
    /// How.
    pub status: EndStatus,
}

/// Why children cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum ChildrenError<K: Debug> {
    /// The set cannot be made, or asked.
    #[error("cannot watch children")]
    Watch {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A child cannot be watched or waited for.
    #[error("cannot watch child {key:?}")]
    Child {
        /// Whose.
        key: K,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// There is a child under this key already.
    #[error("child {key:?} is watched already")]
    Duplicate {
        /// The key.
        key: K,
    },
    /// A child was to be released whose end has not been taken.
    #[error("the end of child {key:?} has not been taken")]
    NotEnded {
        /// The key.
        key: K,
    },
}

impl<K: Copy + Eq + Hash + Debug> Children<K> {
    /// None yet. `space` says by which means an end may be learnt that somebody else took.
    ///
    /// An ignored SIGCHLD, which some programs hand down to what they start, is set back to the
    /// default: with it the kernel throws every exit code away (sigaction(2)).
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn new(space: &PidSpace) -> Result<Self, ChildrenError<K>> {
        keep_ended_children().map_err(|source| ChildrenError::Watch { source })?;
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(watch)?;
        Ok(Self {
            means: space.means,
            epoll,
            children: HashMap::new(),
            keys: HashMap::new(),
            last_token: 0,
        })
    }

    /// Watches a child; one that has ended already is reported as well.
    ///
    /// # Errors
    /// [`ChildrenError::Duplicate`], or when the kernel's watches run out; the descriptor is
    /// closed then and the child unwatched, so clone it where that matters.
    pub fn add(&mut self, key: K, pidfd: Pidfd) -> Result<(), ChildrenError<K>> {
        if self.children.contains_key(&key) {
            return Err(ChildrenError::Duplicate { key });
        }
        // Not the key and not the descriptor's number, which is used again: never the same twice.
        self.last_token += 1;
        let token = self.last_token;
        epoll::add(
            &self.epoll,
            &pidfd,
            EventData::new_u64(token),
            EventFlags::IN,
        )
        .map_err(|errno| ChildrenError::Child {
            key,
            source: errno.into(),
        })?;
        self.keys.insert(token, key);
        self.children.insert(
            key,
            Child {
                pidfd,
                ended: false,
            },
        );
        Ok(())
    }

    /// How many there are, ended ones that were not released included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// A child's descriptor, to signal it.
    #[must_use]
    pub fn pidfd(&self, key: &K) -> Option<&Pidfd> {
        self.children.get(key).map(|child| &child.pidfd)
    }

    /// Reads the ends that have come since the last call, without blocking. Each is told once.
    ///
    /// # Errors
    /// What epoll(7) or waitid(2) say, when not a single end could be read: one child that cannot
    /// be asked never keeps the ends of others back.
    pub fn take_ended(&mut self) -> Result<Vec<Ended<K>>, ChildrenError<K>> {
        let mut taken = Vec::new();
        loop {
            let before = taken.len();
            let mut failed = None;
            let ready = match self.ready() {
                Err(error) if taken.is_empty() => return Err(error),
                ready => ready.unwrap_or_default(),
            };
            for token in ready {
                match self.read_end(token) {
                    Ok(ended) => taken.extend(ended),
                    Err(error) => failed = Some(error),
                }
            }
            // What was read is out of the set, so another look shows what did not fit in this one.
            if taken.len() == before {
                return match failed {
                    Some(error) if taken.is_empty() => Err(error),
                    _ => Ok(taken),
                };
            }
        }
    }

    /// Reaps a child whose end was taken, and forgets it. Call it when the end is written down.
    ///
    /// # Errors
    /// [`ChildrenError::NotEnded`] when its end was not taken or the key is unknown.
    pub fn release(&mut self, key: &K) -> Result<(), ChildrenError<K>> {
        match self.children.get(key) {
            Some(child) if child.ended => {}
            _ => return Err(ChildrenError::NotEnded { key: *key }),
        }
        let Some(child) = self.children.remove(key) else {
            return Ok(());
        };
        match reap(&child.pidfd) {
            Ok(_) => Ok(()),
            // Somebody else did; its end was read or witnessed before.
            Err(error) if is_errno(&error, &[Errno::CHILD]) => Ok(()),
            Err(source) => Err(ChildrenError::Child { key: *key, source }),
        }
    }

    fn ready(&self) -> Result<Vec<u64>, ChildrenError<K>> {
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; 64];
        let now = Timespec::default();
        match epoll::wait(&self.epoll, &mut events, Some(&now)) {
            Ok(count) => Ok(events
                .iter()
                .take(count)
                .map(|event| event.data.u64())
                .collect()),
            Err(Errno::INTR) => Ok(Vec::new()),
            Err(errno) => Err(watch(errno)),
        }
    }

    /// `None` when it has not ended after all.
    fn read_end(&mut self, token: u64) -> Result<Option<Ended<K>>, ChildrenError<K>> {
        let Some(key) = self.keys.get(&token).copied() else {
            return Ok(None);
        };
        let Some(child) = self.children.get_mut(&key) else {
            return Ok(None);
        };
        let failed = |source| ChildrenError::Child { key, source };
        let status = match peek_ended(&child.pidfd) {
            Ok(Some(ended)) => known(&ended),
            // A thread other than the first that executes a program makes older kernels say so.
            Ok(None) => return Ok(None),
            Err(error) if is_errno(&error, &[Errno::CHILD]) => witnessed(self.means, &child.pidfd),
            Err(source) => return Err(failed(source)),
        };
        // Out of the set before the descriptor can be closed: a child between clone and exec can
        // hold a copy, and a copy keeps events coming for a number that means something else.
        epoll::delete(&self.epoll, &child.pidfd).map_err(|errno| failed(errno.into()))?;
        self.keys.remove(&token);
        child.ended = true;
        Ok(Some(Ended { key, status }))
    }
}

/// Readable when an end can be taken.
impl<K> AsFd for Children<K> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn watch<K: Debug>(errno: Errno) -> ChildrenError<K> {
    ChildrenError::Watch {
        source: errno.into(),
    }
}

//! What those who wait for a process see of it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use hostledger_model::{Process, ProcessId};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::write;

use crate::port::BookError;

/// How far a process has come, as far as that is durable.
#[derive(Debug, Clone)]
pub enum Progress {
    /// Its start is not written down yet.
    Starting,
    /// It runs.
    Running(Box<Process>),
    /// It has ended, or could not be started.
    Ended(Box<Process>),
    /// It is queued: it cannot start now, or is to be tried again.
    Queued(Box<Process>),
    /// It can no longer be accounted for here.
    NotRecorded(NotRecorded),
}

/// A process whose row could not be kept up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotRecorded {
    /// Somebody else has taken the row over, or has ended or deleted it.
    #[error("process {id} is no longer supervised here: somebody else has changed its row")]
    TakenOver {
        /// The process.
        id: ProcessId,
    },
    /// The event loop has ended, by a panic or as its engine was dropped.
    #[error("process {id} is no longer supervised: its event loop has ended")]
    Unsupervised {
        /// The process.
        id: ProcessId,
    },
    /// The change could not be written for a long time; it is tried on.
    #[error("failed to record what happened to process {id}{}", ending(.exit_code.as_ref()))]
    Failed {
        /// The process.
        id: ProcessId,
        /// The exit code that could not be recorded, when it was its end.
        exit_code: Option<i32>,
        /// Why.
        #[source]
        source: BookError,
    },
}

fn ending(exit_code: Option<&i32>) -> String {
    exit_code
        .map(|code| format!(", which ended with exit code {code}"))
        .unwrap_or_default()
}

impl Progress {
    fn is_final(&self) -> bool {
        !matches!(self, Self::Starting | Self::Running(_))
    }
}

/// Shared by the event loop, which tells, and by those who wait.
#[derive(Debug)]
pub struct Watch {
    /// Whether whoever waits for it tries it again himself when it has failed.
    keeps: bool,
    progress: Mutex<Progress>,
    changed: Condvar,
    listeners: Mutex<Listeners>,
}

/// Who else is told of the end.
#[derive(Debug, Default)]
struct Listeners {
    wakers: Vec<Waker>,
    /// Readable once it has ended; made when somebody asks for it.
    readiness: Option<OwnedFd>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            keeps: false,
            progress: Mutex::new(Progress::Starting),
            changed: Condvar::new(),
            listeners: Mutex::default(),
        }
    }
}

impl Watch {
    /// The watch of somebody who tries it again himself when it has failed.
    pub(crate) fn keeping() -> Self {
        Self {
            keeps: true,
            ..Self::default()
        }
    }

    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// How far it is now.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.lock().clone()
    }

    /// Waits until it runs or will not.
    #[must_use]
    pub fn wait_started(&self) -> Progress {
        let mut progress = self.lock();
        while matches!(*progress, Progress::Starting) {
            progress = self
                .changed
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
        progress.clone()
    }

    /// Waits until its end is written down; none when `timeout` has passed before.
    #[must_use]
    pub fn wait_ended(&self, timeout: Option<Duration>) -> Option<Progress> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut progress = self.lock();
        while !progress.is_final() {
            progress = match deadline {
                None => self
                    .changed
                    .wait(progress)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    let waited = self.changed.wait_timeout(progress, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Some(progress.clone())
    }

    /// Has a task woken when the process has ended; at once when it has.
    pub fn wake(&self, waker: &Waker) {
        let mut listeners = self.listeners();
        if !listeners.wakers.iter().any(|known| known.will_wake(waker)) {
            listeners.wakers.push(waker.clone());
        }
        drop(listeners);
        if self.lock().is_final() {
            waker.wake_by_ref();
        }
    }

    /// A descriptor that is readable once the process has ended.
    ///
    /// # Errors
    /// Descriptors have run out.
    pub fn readiness(&self) -> io::Result<OwnedFd> {
        let mut listeners = self.listeners();
        let ours = match listeners.readiness.take() {
            Some(ours) => ours,
            None => eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        };
        let theirs = ours.try_clone();
        if self.lock().is_final() {
            raise(&ours);
        }
        listeners.readiness = Some(ours);
        theirs
    }

    pub(crate) fn tell(&self, progress: Progress) {
        let is_final = progress.is_final();
        *self.lock() = progress;
        self.changed.notify_all();
        if is_final {
            let mut listeners = self.listeners();
            listeners.readiness.iter().for_each(raise);
            listeners.wakers.drain(..).for_each(Waker::wake);
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic elsewhere leaves the value whole: it is replaced in one step.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise(readiness: &OwnedFd) {
    if let Err(error) = write(readiness, &1u64.to_ne_bytes()) {
        tracing::error!(%error, "whoever waits for an end was not told");
    }
}

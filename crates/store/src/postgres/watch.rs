//! Hearing of what becomes due, by the server's notifications.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use hostledger_sys::{ListenError, Listener};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::backoff::Backoff;
use crate::bell::{Bell, Bells};
use crate::watch::QueueWatch;
use crate::writer::{Look, Writer};

/// What whoever has queued something notifies, with the name of its store as the payload.
pub(super) const CHANNEL: &str = "hostledger_queue";

/// A watch: our own writer tells by itself, and the thread that listens when others have written.
pub(super) struct NoticeWatch {
    bell: Arc<Bell>,
    _ears: Arc<Ears>,
}

impl QueueWatch for NoticeWatch {
    fn readiness(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn take(&mut self) -> bool {
        self.bell.has_rung()
    }
}

/// The ears of a store, which exist while there is a watch.
#[derive(Default)]
pub(super) struct EarsOfStore(Mutex<Weak<Ears>>);

/// Why there is no watch.
pub(super) enum NoWatch {
    Server(ListenError),
    System(io::Error),
}

impl From<io::Error> for NoWatch {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl EarsOfStore {
    /// A new watch. The connection listens when this returns.
    pub(super) fn watch(
        &self,
        connection_string: &str,
        writer: &Writer,
        own_name: &str,
    ) -> Result<NoticeWatch, NoWatch> {
        let (bells, look) = writer.ears();
        let bell = bells.hang()?;
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = match ears.upgrade() {
            Some(shared) => shared,
            None => {
                let shared = Arc::new(Ears::open(connection_string, look, own_name)?);
                *ears = Arc::downgrade(&shared);
                shared
            }
        };
        Ok(NoticeWatch {
            bell,
            _ears: shared,
        })
    }
}

/// The server's notices concern the connection: what follows from them is seen by that.
fn notice(text: &str) {
    tracing::debug!(text, "the server says");
}

/// A thread that listens until this is dropped.
struct Ears {
    close: Bells,
    /// Whether it has a connection, so that it is there at once when it is to end.
    hears: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ears {
    fn open(connection_string: &str, look: Look, own_name: &str) -> Result<Self, NoWatch> {
        let connection_string = CString::new(connection_string)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener =
            Listener::connect(&connection_string, CHANNEL, notice).map_err(NoWatch::Server)?;
        let close = Bells::default();
        let hears = Arc::new(AtomicBool::new(true));
        let mut listening = Listening {
            hears: Arc::clone(&hears),
            connection_string,
            own_name: own_name.to_owned(),
            look,
            closed: close.hang()?,
        };
        let thread = thread::Builder::new()
            .name("ledger-listener".to_owned())
            .spawn(move || listening.run(listener))?;
        Ok(Self {
            close,
            hears,
            thread: Some(thread),
        })
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.close.ring();
        // One that waits for a server to answer ends when it has, or has not in time.
        if !self.hears.load(Ordering::Acquire) {
            return;
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("who listens to the server panicked");
        }
    }
}

/// What the thread owns.
struct Listening {
    connection_string: CString,
    own_name: String,
    look: Look,
    closed: Arc<Bell>,
    hears: Arc<AtomicBool>,
}

impl Listening {
    fn run(&mut self, first: Listener) {
        let mut listener = first;
        loop {
            match self.hear(&mut listener) {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "the server cannot be heard"),
            }
            drop(listener);
            self.hears.store(false, Ordering::Release);
            match self.connect_again() {
                Some(again) => listener = again,
                None => return,
            }
            self.hears.store(true, Ordering::Release);
            // What was said meanwhile was not heard.
            self.look.ask();
        }
    }

    /// Listens until the connection is lost; fine when there is nobody to tell any more.
    fn hear(&self, listener: &mut Listener) -> Result<(), ListenError> {
        loop {
            let heard = listener.take()?;
            if heard.iter().any(|payload| *payload != self.own_name) {
                self.look.ask();
            }
            let Some(socket) = listener.socket() else {
                continue;
            };
            if self.wait(Some(socket), None) {
                return Ok(());
            }
        }
    }

    fn connect_again(&self) -> Option<Listener> {
        let mut backoff = Backoff::default();
        loop {
            if self.wait(None, Some(backoff.next())) {
                return None;
            }
            match Listener::connect(&self.connection_string, CHANNEL, notice) {
                Ok(listener) => return Some(listener),
                Err(error) => tracing::debug!(%error, "the server cannot be heard yet"),
            }
        }
    }

    /// Waits for a socket to be readable, or for a while; true when this is to end.
    fn wait(&self, socket: Option<BorrowedFd<'_>>, limit: Option<std::time::Duration>) -> bool {
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let closed = self.closed.as_fd();
        let mut fds = vec![PollFd::from_borrowed_fd(closed, PollFlags::IN)];
        fds.extend(socket.map(|socket| PollFd::from_borrowed_fd(socket, PollFlags::IN)));
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) => fds.first().is_some_and(|fd| !fd.revents().is_empty()),
            // EINTR: looked at again by whoever waits.
            Err(_) => false,
        }
    }
}

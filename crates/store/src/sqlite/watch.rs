//! Hearing of what becomes due, by whoever writes.
//!
//! Our own writer tells by itself. Whoever else commits, writes to the log beside the database
//! first, and the kernel tells of that (inotify(7)). As it tells of our own commits too, the
//! writer is asked whether it was somebody else.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::event::epoll;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::access;
use crate::bell::Bell;
use crate::watch::QueueWatch;
use crate::writer::{Look, Writer};

/// What a page of names of changed files takes at least (inotify(7)).
const BUFFER: usize = 4096;

pub(super) struct LogWatch {
    readiness: OwnedFd,
    bell: Arc<Bell>,
    notices: OwnedFd,
    /// The name of the write-ahead log.
    log: OsString,
    look: Look,
}

impl LogWatch {
    /// The directory is watched, as the log itself comes and goes with its users.
    pub(super) fn new(database: &Path, writer: &Writer) -> io::Result<Self> {
        let (bells, look) = writer.ears();
        let bell = bells.hang()?;
        let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&notices, access::directory(database), WatchFlags::MODIFY)?;
        let readiness = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for fd in [bell.as_fd(), notices.as_fd()] {
            let token = epoll::EventData::new_u64(0);
            epoll::add(&readiness, fd, token, epoll::EventFlags::IN)?;
        }
        let mut log = database.file_name().unwrap_or_default().to_owned();
        log.push("-wal");
        // From here on it is known what others had written before.
        look.ask();
        Ok(Self {
            readiness,
            bell,
            notices,
            log,
            look,
        })
    }

    /// Whether somebody has written to the log, be it we.
    fn is_log_written(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut notices = inotify::Reader::new(&self.notices, &mut buffer);
        let mut written = false;
        loop {
            match notices.next() {
                // Without a name: some notices are lost.
                Ok(notice) => {
                    let name = notice
                        .file_name()
                        .map(|name| OsStr::from_bytes(name.to_bytes()));
                    written |= name.is_none_or(|name| name == self.log);
                }
                Err(Errno::AGAIN) => return written,
                Err(error) => {
                    tracing::error!(%error, "it is not known whether others have written");
                    return true;
                }
            }
        }
    }
}

impl QueueWatch for LogWatch {
    fn readiness(&self) -> BorrowedFd<'_> {
        self.readiness.as_fd()
    }

    fn take(&mut self) -> bool {
        if self.is_log_written() {
            self.look.ask();
        }
        self.bell.has_rung()
    }
}

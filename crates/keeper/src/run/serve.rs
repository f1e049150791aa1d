//! The keeper's loop.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::requests::{self, Request};
use super::starts::MOST_STARTS;
use super::{Run, clock};

/// Socket, ends, logs, and each start.
const MOST_FDS: usize = 3 + MOST_STARTS;

impl Run {
    /// Serves until there is nobody left to serve, and nobody left to reap.
    pub(super) fn serve(&mut self) {
        let mut next = None;
        loop {
            self.owed.send(self.map, self.socket);
            self.wait(earlier(next, self.owed.is_due_at()));
            self.clear_notice();
            let has_children = self.reap();
            self.note_started();
            self.take_requests();
            if !self.launcher {
                self.turns.close();
            }
            self.launch_waiting();
            if !self.launcher && !has_children && self.starts.is_empty() {
                self.groups.remove_all(self.map);
                return;
            }
            next = earlier(self.logs.look(clock::now()), self.turns_are_late_at());
            if !self.launcher {
                next = earlier(next, self.enforce());
            }
        }
    }

    /// Sleeps until something happens, or until that time.
    fn wait(&mut self, until: Option<u64>) {
        let timeout = until.map(|then| clock::until(then, clock::now()));
        let socket = match (self.launcher, self.owed.is_behind(), self.has_room()) {
            (false, _, _) => PollFlags::empty(),
            (true, true, true) => PollFlags::IN | PollFlags::OUT,
            (true, true, false) => PollFlags::OUT,
            (true, false, true) => PollFlags::IN,
            (true, false, false) => PollFlags::empty(),
        };
        // A socket whose other end is gone is always ready: it is not asked about then.
        let first = if self.launcher {
            PollFd::from_borrowed_fd(self.socket, socket)
        } else {
            PollFd::new(&self.children, PollFlags::IN)
        };
        let mut fds: [PollFd<'_>; MOST_FDS] =
            std::array::from_fn(|_| PollFd::new(&self.children, PollFlags::IN));
        let mut count = 0;
        let logs = self
            .logs
            .notices()
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        let starts = self
            .starts
            .iter()
            .map(|start| PollFd::from_borrowed_fd(start.as_fd(), PollFlags::IN));
        let ends = PollFd::new(&self.children, PollFlags::IN);
        let all = [first, ends].into_iter().chain(logs).chain(starts);
        for (place, fd) in fds.iter_mut().zip(all) {
            *place = fd;
            count += 1;
        }
        // Each that is asked about costs, whether it has something to tell or not.
        let fds = fds.get_mut(..count).unwrap_or_default();
        poll_all(fds, timeout.as_ref());
    }

    /// Whether the launcher is there still, whatever it has sent.
    pub(super) fn is_launcher_alive(&self) -> bool {
        let mut socket = [PollFd::from_borrowed_fd(self.socket, PollFlags::empty())];
        poll_all(&mut socket, Some(&Timespec::default()));
        self.launcher && !socket[0].revents().contains(PollFlags::HUP)
    }

    /// When the next of those that wait for their turn is to be given back, by the clock for
    /// waiting: that stands still while the machine sleeps, and it is a little later then.
    fn turns_are_late_at(&self) -> Option<u64> {
        // Without room to say so, room is what is waited for.
        let late = self.turns.is_late_at();
        let late = late.filter(|_| self.owed.has_room_for_refusals())?;
        let left = late.saturating_sub(clock::since_boot());
        Some(clock::now().saturating_add(left))
    }

    pub(super) fn has_room(&self) -> bool {
        self.starts.has_room() && self.owed.has_room_for_refusals()
    }

    /// Takes the notice of ends: who has ended is found by asking.
    fn clear_notice(&self) {
        // Notices of one signal that wait are one (signal(7)). EAGAIN: there was none.
        let _notice = rustix::io::read(&self.children, &mut [0; 128]);
    }

    fn take_requests(&mut self) {
        while self.launcher && self.has_room() {
            match requests::receive(self.socket) {
                Ok(Some(request)) => self.heed(request),
                Ok(None) => self.launcher = false,
                Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS | Errno::NOMEM) => return,
                // What cannot be heard any more is gone.
                Err(_) => self.launcher = false,
            }
        }
    }

    fn heed(&mut self, request: Request) {
        match request {
            Request::Hello { concurrent, root } => {
                if concurrent {
                    self.way = hostledger_sys::CloneWay::Concurrent;
                }
                if let Some(root) = root {
                    self.groups.set_root(root);
                }
            }
            Request::Launch(message, descriptors) => self.launch_or_wait(message, descriptors),
            Request::Recall => self.turns.recall(),
            Request::Limit(limit) => self.turns.set_limit(limit),
            Request::Stripped(message) => self.owed.refuse(message.id, Errno::MFILE),
            Request::Unknown => {}
        }
    }
}

fn poll_all(fds: &mut [PollFd<'_>], timeout: Option<&Timespec>) {
    if let Err(errno) = poll(fds, timeout) {
        // All signals are blocked, and memory for the call is all that can be missing: then
        // going round more slowly is all there is.
        debug_assert!(errno == Errno::NOMEM);
    }
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

//! One process of a tree.

use std::io;
use std::time::{Duration, Instant};

use hostledger_model::{Pid, StartTicks};
use hostledger_sys::{Pidfd, Signal};
use rustix::io::Errno;

use super::TreeError;
use super::snapshot::{Proc, Row};
use crate::identity::{is_errno, open};
use crate::{IdentityError, PidSpace};

/// A process that was found to belong to a tree, and stays known whoever its parent is by now.
///
/// It is held by a descriptor as long as those suffice, else opened again and compared by inode,
/// before Linux 6.9 by start time.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) pid: Pid,
    pub(super) start: StartTicks,
    inode: Option<u64>,
    pidfd: Option<Pidfd>,
    /// Ourselves, or an ancestor of ours: a link to others, but left alone.
    pub(super) spared: bool,
    /// It has been seen to have ended; nothing is asked of it any more.
    pub(super) ended: bool,
    /// The last signal that was sent to it.
    pub(super) sent: Option<Signal>,
}

impl Held {
    pub(super) fn new(
        space: &PidSpace,
        pidfd: Pidfd,
        row: &Row,
        spared: bool,
    ) -> Result<Self, TreeError> {
        let pid = row.pid;
        let inode = space.inode(&pidfd).map_err(unheld(pid))?;
        Ok(Self {
            pid,
            start: row.start,
            inode,
            pidfd: Some(pidfd),
            spared,
            ended: false,
            sent: None,
        })
    }

    /// Lets go of the descriptor; it is opened again when it is needed. Says whether there was one.
    pub(super) fn let_go(&mut self) -> bool {
        self.pidfd.take().is_some()
    }

    /// Whether its number is still its own.
    pub(super) fn is_unreaped(&mut self, proc: &Proc) -> Result<bool, TreeError> {
        Ok(self.reach(proc, Pidfd::is_unreaped)?.unwrap_or(false))
    }

    /// Whether it has ended; a zombie has. Waits until the deadline for it.
    pub(super) fn wait_ended(&mut self, proc: &Proc, until: Instant) -> Result<bool, TreeError> {
        if !self.ended {
            let left = until.saturating_duration_since(Instant::now());
            let ended = self.reach(proc, |pidfd| pidfd.wait_ended(Some(left)))?;
            self.ended = ended.unwrap_or(true);
            if self.ended {
                self.pidfd = None;
            }
        }
        Ok(self.ended)
    }

    /// Whether it lives at this moment.
    pub(super) fn is_alive(&mut self, proc: &Proc) -> Result<bool, TreeError> {
        Ok(!self.wait_ended(proc, Instant::now())?)
    }

    /// Sends a signal to exactly it; says whether it was alive to get it.
    pub(super) fn send(&mut self, proc: &Proc, signal: Signal) -> Result<bool, TreeError> {
        if self.spared || self.ended {
            return Ok(false);
        }
        let sent = self.reach(proc, |pidfd| {
            if pidfd.wait_ended(Some(Duration::ZERO))? {
                return Ok(Ok(false));
            }
            Ok(pidfd.send_signal(signal).map(|()| true))
        })?;
        match sent.unwrap_or(Ok(false)) {
            Ok(true) => {
                self.sent = Some(signal);
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) if is_errno(&error, &[Errno::SRCH]) => Ok(false),
            Err(source) => Err(TreeError::Refused {
                signal,
                pid: self.pid,
                source,
            }),
        }
    }

    /// Does something with its descriptor; `None` when it has gone.
    fn reach<T>(
        &self,
        proc: &Proc,
        act: impl FnOnce(&Pidfd) -> io::Result<T>,
    ) -> Result<Option<T>, TreeError> {
        let opened;
        let pidfd = match &self.pidfd {
            Some(pidfd) => pidfd,
            None => match self.open_again(proc)? {
                Some(again) => {
                    opened = again;
                    &opened
                }
                None => return Ok(None),
            },
        };
        Ok(Some(act(pidfd).map_err(unheld(self.pid))?))
    }

    fn open_again(&self, proc: &Proc) -> Result<Option<Pidfd>, TreeError> {
        let Some(pidfd) = open(self.pid)? else {
            return Ok(None);
        };
        let is_it = if self.inode.is_some() {
            pidfd.inode().map_err(unheld(self.pid))? == self.inode
        } else {
            let row = proc.row(self.pid).map_err(TreeError::scan)?;
            row.is_some_and(|row| row.start == self.start)
                && pidfd.is_unreaped().map_err(unheld(self.pid))?
        };
        Ok(is_it.then_some(pidfd))
    }
}

pub(super) fn unheld(pid: Pid) -> impl FnOnce(io::Error) -> TreeError {
    move |source| IdentityError::Pidfd { pid, source }.into()
}

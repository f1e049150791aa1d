//! A process that is held, so that nobody else can be hit in its place.

use std::fs;
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

const KEEPER: &[u8] = b"hostledger-keeper";

/// What the kernel keeps of that as a name: 15 bytes (prctl(2), PR_SET_NAME).
const KEEPER_NAME: &str = "hostledger-keep";

/// A live process.
#[derive(Debug)]
pub(crate) struct Held {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Held {
    /// None when it has gone.
    pub(crate) fn open(pid: i32) -> Option<Self> {
        let pid = Pid::from_raw(pid)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        Some(Self { pid, pidfd })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Sends it a signal; says whether it was still there.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(crate) fn signal(&self, signal: Signal) -> Result<bool> {
        match pidfd_send_signal(&self.pidfd, signal) {
            // A zombie takes signals as well.
            Ok(()) => Ok(!self.has_ended()),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("{} takes no {signal:?}", self.pid())),
        }
    }

    /// Kills it; says whether it was that which ended it.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(crate) fn kill(&self) -> Result<bool> {
        if self.has_ended() {
            return Ok(false);
        }
        match pidfd_send_signal(&self.pidfd, Signal::KILL) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("{} is not killed", self.pid())),
        }
    }

    /// Also as a zombie.
    pub(crate) fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Whether it has said what is to happen when a signal comes: `SigCgt`, a bit for each from 1
    /// on, in hexadecimal digits (proc(5)).
    pub(crate) fn heeds(&self, signal: Signal) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let caught = status.lines().find_map(|it| it.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
        caught.is_some_and(|set| set & (1 << (signal.as_raw() - 1)) != 0)
    }

    /// The keeper that a program has started, when it has one by now.
    pub(crate) fn keeper_of(launcher: i32) -> Option<Self> {
        children(launcher).into_iter().find_map(|pid| {
            // Held first, then looked at: it is one and the same.
            let held = Self::open(pid)?;
            is_keeper(pid).then_some(held)
        })
    }

    /// What a launcher or a keeper has started that is no keeper, by its command line.
    ///
    /// A child that has its parent's command line, or none while it lives, is none yet: it may
    /// become a keeper.
    pub(crate) fn program_of(parent: i32) -> Option<String> {
        let ours = command_line(parent);
        let is_there = |pid: i32, theirs: &[u8]| {
            *theirs != ours
                && (!theirs.is_empty() || Self::open(pid).is_some_and(|it| it.has_ended()))
        };
        children(parent)
            .into_iter()
            .filter(|pid| !is_keeper(*pid))
            .map(|pid| (pid, command_line(pid)))
            .find(|(pid, theirs)| is_there(*pid, theirs))
            .map(|(_, theirs)| String::from_utf8_lossy(&theirs).replace('\0', " "))
    }

    /// The keeper that is the parent of a program.
    pub(crate) fn keeper_above(program: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{program}/stat")).ok()?;
        let (_, behind_name) = stat.rsplit_once(") ")?;
        let parent = behind_name.split(' ').nth(1)?.parse().ok()?;
        let held = Self::open(parent)?;
        is_keeper(parent).then_some(held)
    }
}

/// Whether it says so itself, by its name or its first argument.
pub(crate) fn is_keeper(pid: i32) -> bool {
    command_line(pid).starts_with(KEEPER) || name(pid).is_some_and(|name| name == KEEPER_NAME)
}

/// The words a process was begun with, each with a NUL behind it; nothing of one that has ended.
fn command_line(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// What the kernel calls a process.
pub(crate) fn name(pid: i32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// The children of all threads of a process.
fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let lists = threads.filter_map(|thread| {
        let list = thread.ok()?.path().join("children");
        fs::read_to_string(list).ok()
    });
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<i32>>()
        })
        .collect()
}

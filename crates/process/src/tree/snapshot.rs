//! One look through /proc, of as little as is needed.
//!
//! Trees are looked for again and again while they are being ended, so this reads the first half
//! of each `stat` line with one buffer: 6 µs a process, where a full parse takes about 20.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use hostledger_model::{Pid, StartTicks};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Resource;

use crate::identity::kernel_pid;

/// `PF_KTHREAD` of the flags in stat: no program, but a thread of the kernel.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// What is read of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) pid: Pid,
    pub(super) state: u8,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) kernel_thread: bool,
    pub(super) start: StartTicks,
}

impl Row {
    /// Stopped by a signal or a tracer: it runs no instruction, so it starts nobody.
    pub(super) fn is_halted(&self) -> bool {
        matches!(self.state, b'T' | b't' | b'Z' | b'X')
    }
}

/// The directory /proc, held open.
pub(super) struct Proc(OwnedFd);

impl Proc {
    pub(super) fn open() -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open("/proc", flags, Mode::empty())?))
    }

    /// What stat says of whoever has this number; `None` when nobody has, or it is hidden from us.
    pub(super) fn row(&self, pid: Pid) -> io::Result<Option<Row>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let path = format!("{pid}/stat");
        let file = match rustix::fs::openat(&self.0, path, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        // The fields up to the start time take 500 bytes at most.
        let mut buffer = [0; 1024];
        match rustix::io::read(&file, &mut buffer) {
            Ok(length) => Ok(buffer.get(..length).and_then(|line| parse(pid, line))),
            Err(Errno::SRCH) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The soft RLIMIT_LOCKS of whoever has this number: nothing but a mark, as the kernel has had no
/// such limit since 2.4.25 (getrlimit(2)), and children inherit it.
pub(super) fn tag_of(pid: Pid) -> Option<u64> {
    // Another user's process does not tell.
    hostledger_sys::soft_limit(kernel_pid(pid), Resource::Locks)
        .ok()
        .flatten()
}

/// Everybody at about one moment.
pub(super) struct Snapshot {
    rows: Vec<Row>,
    by_pid: HashMap<i32, usize>,
    by_parent: HashMap<i32, Vec<usize>>,
    by_group: HashMap<i32, Vec<usize>>,
    by_session: HashMap<i32, Vec<usize>>,
    by_tag: HashMap<u64, Vec<usize>>,
    /// Whether somebody ended between being listed and being read.
    pub(super) lost_some: bool,
}

impl Snapshot {
    /// `tags`: whether they are of interest.
    pub(super) fn take(proc: &Proc, tags: bool) -> io::Result<Self> {
        let mut taken = Self {
            rows: Vec::new(),
            by_pid: HashMap::new(),
            by_parent: HashMap::new(),
            by_group: HashMap::new(),
            by_session: HashMap::new(),
            by_tag: HashMap::new(),
            lost_some: false,
        };
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            let Some(pid) = number.and_then(Pid::new) else {
                continue;
            };
            match proc.row(pid)? {
                Some(row) => taken.add(row, tags.then(|| tag_of(pid)).flatten()),
                None => taken.lost_some = true,
            }
        }
        Ok(taken)
    }

    fn add(&mut self, row: Row, tag: Option<u64>) {
        let index = self.rows.len();
        self.by_pid.insert(row.pid.get(), index);
        self.by_parent.entry(row.parent).or_default().push(index);
        self.by_group.entry(row.group).or_default().push(index);
        self.by_session.entry(row.session).or_default().push(index);
        if let Some(tag) = tag {
            self.by_tag.entry(tag).or_default().push(index);
        }
        self.rows.push(row);
    }

    pub(super) fn get(&self, index: usize) -> Option<&Row> {
        self.rows.get(index)
    }

    pub(super) fn of_pid(&self, pid: Pid) -> Option<usize> {
        self.by_pid.get(&pid.get()).copied()
    }

    pub(super) fn children(&self, pid: Pid) -> &[usize] {
        found(&self.by_parent, &pid.get())
    }

    pub(super) fn in_group(&self, leader: Pid) -> &[usize] {
        found(&self.by_group, &leader.get())
    }

    pub(super) fn in_session(&self, leader: Pid) -> &[usize] {
        found(&self.by_session, &leader.get())
    }

    pub(super) fn tagged(&self, tag: u64) -> &[usize] {
        found(&self.by_tag, &tag)
    }
}

fn found<'a, K: std::hash::Hash + Eq>(map: &'a HashMap<K, Vec<usize>>, key: &K) -> &'a [usize] {
    map.get(key).map_or(&[], Vec::as_slice)
}

/// The fields of proc_pid_stat(5) up to the 22nd. The name, in parentheses, may hold anything.
fn parse(pid: Pid, line: &[u8]) -> Option<Row> {
    let end_of_name = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(end_of_name + 2..)?).ok()?;
    let mut fields = rest.split(' ');
    let state = *fields.next()?.as_bytes().first()?;
    let mut number = || fields.next()?.parse().ok();
    let (parent, group, session) = (number()?, number()?, number()?);
    let flags: u32 = fields.nth(2)?.parse().ok()?;
    let start = fields.nth(12)?.parse().ok()?;
    Some(Row {
        pid,
        state,
        parent,
        group,
        session,
        kernel_thread: flags & KERNEL_THREAD != 0,
        start: StartTicks(start),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_holds() {
        let line = b"7 (a) R 1 (\xff) S 3 4 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 998877 9 8 7";
        let row = parse(Pid::new(7).unwrap(), line).unwrap();
        assert_eq!((row.state, row.parent, row.group), (b'S', 3, 4));
        assert_eq!((row.session, row.kernel_thread), (5, false));
        assert_eq!(row.start, StartTicks(998_877));
        assert_eq!(parse(row.pid, b"7 (x) S 3 4"), None);
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a process that nobody records is looked at"
    )]
    fn a_row_says_what_procfs_says() {
        let proc = Proc::open().unwrap();
        let own = crate::identity::model_pid(rustix::process::getpid());
        // A session of its own: in a container ours may have begun outside, and is 0 then.
        let mut child = std::process::Command::new("setsid")
            .args(["sh", "-c", "echo; exec sleep 60"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut [0])
            .expect("it says that it runs");
        let pid = Pid::new(child.id().cast_signed()).unwrap();
        let row = proc.row(pid).unwrap().unwrap();
        let process = procfs::process::Process::new(pid.get()).unwrap();
        let stat = process.stat().unwrap();
        let all = Snapshot::take(&proc, true);
        child.kill().unwrap();
        child.wait().unwrap();

        assert_eq!((row.parent, row.group), (stat.ppid, stat.pgrp));
        assert_eq!((row.session, row.start.0), (stat.session, stat.starttime));
        let all = all.unwrap();
        let index = all.of_pid(pid).unwrap();
        assert_eq!(all.in_session(pid), [index]);
        assert!(all.children(own).contains(&index));
    }
}

//! The sizes of file systems, some of which may never answer.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, StatVfs, StatxFlags, fstatvfs, openat2, statvfs,
    statx,
};

use crate::kernel::DiskUsage;
use crate::root::HostRoot;

/// A file system that has not answered by now (a network mount whose server is gone) is given up.
const DEADLINE: Duration = Duration::from_millis(500);

/// File systems that answer out of the kernel's memory.
const PROMPT: [&str; 11] = [
    "btrfs", "devtmpfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "overlay", "squashfs", "tmpfs",
    "xfs",
];

type Answer = io::Result<DiskUsage>;

/// One answer for each path. Those that are sure to be prompt are asked at once; the others, all
/// together, from threads, as nothing ends a `statvfs(3)` on a dead network mount. A thread that
/// is given up lives on until its file system answers or the process exits.
pub(crate) fn disk_usage(paths: &[PathBuf]) -> Vec<Answer> {
    let mounts = HostRoot::new("/")
        .text("/proc/self/mountinfo")
        .unwrap_or_default();
    let asked: Vec<_> = paths
        .iter()
        .map(|path| prompt_usage(path, &mounts).map_or_else(|| in_thread(path), Asked::Answered))
        .collect();
    let deadline = Instant::now() + DEADLINE;
    asked
        .into_iter()
        .map(|asked| asked.wait(deadline))
        .collect()
}

enum Asked {
    Answered(Answer),
    Waiting(Receiver<Answer>),
}

impl Asked {
    fn wait(self, deadline: Instant) -> Answer {
        let receiver = match self {
            Self::Answered(answer) => return answer,
            Self::Waiting(receiver) => receiver,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        receiver.recv_timeout(left).unwrap_or_else(|_| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "file system does not answer",
            ))
        })
    }
}

/// `None` when the file system might not be prompt. No step of this waits for one.
fn prompt_usage(path: &Path, mounts: &str) -> Option<Answer> {
    // Fails where the path is not in the kernel's memory, and before Linux 5.12: openat2(2).
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let place = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok()?;
    let kind = kind_of_mount(mounts, mount_id(&place)?)?;
    PROMPT.contains(&kind).then(|| Ok(fstatvfs(&place)?.into()))
}

/// Known to the kernel without asking the file system; not told before Linux 5.8: `statx(2)`.
fn mount_id(place: &OwnedFd) -> Option<u64> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let told = statx(place, "", flags, StatxFlags::MNT_ID).ok()?;
    let has_id = StatxFlags::from_bits_retain(told.stx_mask).contains(StatxFlags::MNT_ID);
    has_id.then_some(told.stx_mnt_id)
}

/// The type of a mount in `proc_pid_mountinfo(5)`: the lines begin with the id, and the type
/// follows a lonely hyphen.
fn kind_of_mount(mounts: &str, id: u64) -> Option<&str> {
    let has_id = |line: &&str| {
        line.split_once(' ')
            .is_some_and(|(first, _)| first.parse().is_ok_and(|first: u64| first == id))
    };
    let (_, source) = mounts.lines().find(has_id)?.split_once(" - ")?;
    source.split(' ').next()
}

fn in_thread(path: &Path) -> Asked {
    let (sender, receiver) = mpsc::sync_channel(1);
    let path = path.to_owned();
    let ask = move || {
        let answer = statvfs(&path).map(DiskUsage::from).map_err(io::Error::from);
        // The receiver is gone when the deadline has passed: then nobody wants the answer.
        drop(sender.send(answer));
    };
    let thread = thread::Builder::new()
        .name("statvfs".to_owned())
        .stack_size(64 << 10);
    match thread.spawn(ask) {
        Ok(_) => Asked::Waiting(receiver),
        Err(error) => Asked::Answered(Err(error)),
    }
}

impl From<StatVfs> for DiskUsage {
    fn from(usage: StatVfs) -> Self {
        let bytes = |blocks: u64| blocks.saturating_mul(usage.f_frsize);
        Self {
            total: bytes(usage.f_blocks),
            free: bytes(usage.f_bfree),
            available: bytes(usage.f_bavail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_gets_its_own_answer() {
        let usages = disk_usage(&["/".into(), "/nonexistent".into(), "/proc".into(), "".into()]);
        let [root, nowhere, proc, empty] = usages.as_slice() else {
            panic!("{usages:?}")
        };
        let root = root.as_ref().unwrap();
        assert!(root.total > 0 && root.available <= root.free && root.free <= root.total);
        assert_eq!(
            nowhere.as_ref().unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(proc.as_ref().unwrap().total, 0);
        assert_eq!(empty.as_ref().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(disk_usage(&[]).len(), 0);
    }

    #[test]
    fn a_thread_answers_the_same() {
        let root = Path::new("/");
        let answer = in_thread(root)
            .wait(Instant::now() + Duration::from_secs(10))
            .unwrap();
        assert_eq!(
            answer.total,
            statvfs(root).map(DiskUsage::from).unwrap().total
        );
    }

    #[test]
    fn the_type_of_a_mount_is_found_by_its_id() {
        let mounts = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                      270 27 0:50 / /mnt/a\\040-\\040b rw shared:9 - nfs4 server:/ rw,vers=4.2\n\
                      cut off\n28 27 0:1\n";
        assert_eq!(kind_of_mount(mounts, 27), Some("ext4"));
        assert_eq!(kind_of_mount(mounts, 270), Some("nfs4"));
        assert_eq!(kind_of_mount(mounts, 28), None);
        assert_eq!(kind_of_mount(mounts, 1), None);
    }
}

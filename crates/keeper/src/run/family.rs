//! Who descends from a process.

use std::io;
use std::sync::atomic::Ordering;

use hostledger_model::KillMode;
use hostledger_sys::SharedWords;

use super::proc_scan::Member;

/// What a process and those with it are known by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    pub(super) leader: u64,
    /// Whether the leader is not reaped, which makes its number its own.
    pub(super) leader_is_ours: bool,
    /// 0 for none.
    pub(super) tag: u64,
    /// When the leader started: nobody older descends from it.
    pub(super) since: u64,
    pub(super) mode: KillMode,
    /// The keeper itself.
    pub(super) us: u64,
}

impl Family {
    /// Whether a process belongs to it; `known` are those that do for certain, and stand still.
    pub(super) fn has(&self, member: &Member, known: &Known) -> bool {
        if member.pid == self.us || member.pid == 1 || member.start_ticks < self.since {
            return false;
        }
        let is_marked = self.tag != 0 && member.tag == self.tag;
        let by_number = |number: u64| number == self.leader && (self.leader_is_ours || is_marked);
        let in_group = by_number(member.pid) || by_number(member.group);
        match self.mode {
            KillMode::Process => by_number(member.pid),
            KillMode::Group => in_group,
            KillMode::Tree => {
                is_marked
                    || in_group
                    || by_number(member.session)
                    || by_number(member.parent)
                    || known.has_number(member.parent)
            }
        }
    }
}

/// Processes by pid and start time.
#[derive(Debug)]
pub(super) struct Known(SharedWords);

/// `PID_MAX_LIMIT` of include/linux/threads.h on 64 bits.
const MOST_PIDS: usize = 4 << 20;

impl Known {
    pub(super) fn new() -> io::Result<Self> {
        SharedWords::private(MOST_PIDS + 1).map(Self)
    }

    pub(super) fn add(&self, member: &Member) {
        if let Some(place) = self.place(member.pid) {
            place.store(member.start_ticks.max(1), Ordering::Relaxed);
        }
    }

    pub(super) fn has(&self, member: &Member) -> bool {
        let start = self
            .place(member.pid)
            .map(|place| place.load(Ordering::Relaxed));
        start == Some(member.start_ticks.max(1))
    }

    fn has_number(&self, pid: u64) -> bool {
        let start = self.place(pid).map(|place| place.load(Ordering::Relaxed));
        start.is_some_and(|start| start != 0)
    }

    fn place(&self, pid: u64) -> Option<&std::sync::atomic::AtomicU64> {
        self.0.get(usize::try_from(pid).ok()?, 1)?.first()
    }
}

//! Looking for everybody who belongs to some trees, again and again.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use hostledger_model::{KillMode, Pid};
use hostledger_sys::{Pidfd, Signal};
use rustix::io::Errno;
use rustix::process::Resource;

use super::chase::Newest;
use super::error::copy_of;
use super::held::{Held, unheld};
use super::roster::Roster;
use super::signal::signal_group;
use super::snapshot::{Proc, Row, Snapshot, tag_of};
use super::{GroupHold, TreeError, TreeRoot};
use crate::cgroup::group;
use crate::identity::{is_errno, model_pid, open};
use crate::{IdentityError, PidSpace};

/// Of the descriptors we may have, the part that is kept open for members. Whoever does not find
/// a place is opened again for each act.
const SHARE_OF_DESCRIPTORS: u64 = 4;

/// How many processes of a cgroup are held while it is read again.
const HELD_AT_ONCE: usize = 128;

/// Some trees, and the means to look for their members. All share one look through /proc.
pub(super) struct Hunt<'a> {
    pub(super) space: &'a PidSpace,
    pub(super) proc: Proc,
    pub(super) rosters: Vec<Roster<'a>>,
    pub(super) newest: Newest,
    /// We and our ancestors.
    spared: HashSet<i32>,
    /// How many more descriptors may be kept.
    keep: u64,
}

impl<'a> Hunt<'a> {
    pub(super) fn begin(space: &'a PidSpace, roots: &'a [TreeRoot]) -> io::Result<Self> {
        let proc = Proc::open()?;
        let newest = Newest::open()?;
        let spared = ourselves(&proc)?;
        let soft = rustix::process::getrlimit(Resource::Nofile).current;
        Ok(Self {
            space,
            proc,
            rosters: roots.iter().map(|root| Roster::new(space, root)).collect(),
            newest,
            spared,
            keep: soft.unwrap_or(u64::MAX) / SHARE_OF_DESCRIPTORS,
        })
    }

    /// Looks for members that are not known yet; says whether there were any.
    pub(super) fn look(&mut self, which: &[usize]) -> bool {
        let mut found = self.look_in_groups(which);
        let rosters = || which.iter().filter_map(|index| self.rosters.get(*index));
        let tags = rosters().any(|roster| roster.tag().is_some());
        if !rosters().any(Roster::needs_scan) {
            return self.look_for_leaders(which) || found;
        }
        match Snapshot::take(&self.proc, tags) {
            Ok(snapshot) => {
                for index in which {
                    found |= self.look_by_links(*index, &snapshot);
                }
            }
            Err(error) => {
                for index in which {
                    self.fail(*index, TreeError::scan(copy_of(&error)));
                }
            }
        }
        found
    }

    pub(super) fn fail(&mut self, index: usize, error: TreeError) {
        if let Some(roster) = self.rosters.get_mut(index) {
            roster.fail(error);
        }
    }

    fn look_for_leaders(&mut self, which: &[usize]) -> bool {
        let mut found = false;
        for index in which {
            let Some(pid) = self.rosters.get(*index).map(Roster::number) else {
                continue;
            };
            let row = self.proc.row(pid).map_err(TreeError::scan);
            match row.and_then(|row| row.map_or(Ok(false), |row| self.admit(*index, &row))) {
                Ok(new) => found |= new,
                Err(error) => self.fail(*index, error),
            }
        }
        found
    }

    /// From the leader, its session, its group and its tag down along the parents.
    fn look_by_links(&mut self, index: usize, snapshot: &Snapshot) -> bool {
        let Some(roster) = self.rosters.get_mut(index) else {
            return false;
        };
        if !roster.needs_scan() {
            return self.look_for_leaders(&[index]);
        }
        let mut queue: Vec<usize> = seeds(roster, snapshot);
        let mut seen: HashSet<usize> = queue.iter().copied().collect();
        let (mut found, mut halted) = (false, true);
        let mut next = 0;
        while let Some(row) = queue.get(next).and_then(|row| snapshot.get(*row)) {
            next += 1;
            match self.admit(index, row) {
                Ok(new) => found |= new,
                Err(error) => self.fail(index, error),
            }
            let roster = self.rosters.get_mut(index);
            let Some(roster) = roster.filter(|roster| roster.knows(row)) else {
                continue;
            };
            halted &= row.is_halted() || self.spared.contains(&row.pid.get());
            if roster.root.scope == KillMode::Tree {
                let children = snapshot.children(row.pid).iter().copied();
                queue.extend(children.filter(|child| seen.insert(*child)));
            }
        }
        if let Some(roster) = self.rosters.get_mut(index) {
            roster.halted = halted;
        }
        found
    }

    /// Takes a process in if it proves to be a member; says whether it is a new one.
    pub(super) fn admit(&mut self, index: usize, row: &Row) -> Result<bool, TreeError> {
        let known = |roster: &Roster<'_>| roster.knows(row);
        if row.kernel_thread || row.pid.get() == 1 || self.rosters.get(index).is_none_or(known) {
            return Ok(false);
        }
        let Some((pidfd, fresh)) = self.hold(row)? else {
            return Ok(false);
        };
        let Some(roster) = self.rosters.get_mut(index) else {
            return Ok(false);
        };
        let tag = roster.tag().and_then(|_| tag_of(row.pid));
        if !roster.proves(self.space, &self.proc, &pidfd, &fresh, tag)? {
            return Ok(false);
        }
        self.take_in(index, pidfd, &fresh)
    }

    /// A process that was listed, held, and what is said of it now; not one that has its number
    /// since.
    fn hold(&mut self, row: &Row) -> Result<Option<(Pidfd, Row)>, TreeError> {
        let Some(pidfd) = self.open(row.pid)? else {
            return Ok(None);
        };
        let fresh = self.proc.row(row.pid).map_err(TreeError::scan)?;
        let fresh = fresh.filter(|fresh| fresh.start == row.start);
        Ok(fresh.map(|fresh| (pidfd, fresh)))
    }

    /// The last question of all: that it has not ended, so all that was read by its number was
    /// read of it.
    fn take_in(&mut self, index: usize, pidfd: Pidfd, row: &Row) -> Result<bool, TreeError> {
        let ended = pidfd.wait_ended(Some(std::time::Duration::ZERO));
        if ended.map_err(unheld(row.pid))? {
            return Ok(false);
        }
        let spared = self.spared.contains(&row.pid.get());
        let mut member = Held::new(self.space, pidfd, row, spared)?;
        if self.keep == 0 {
            member.let_go();
        } else {
            self.keep -= 1;
        }
        if let Some(roster) = self.rosters.get_mut(index) {
            roster.add(member);
        }
        Ok(!spared)
    }

    /// Opens a process; when descriptors run out, those of the members are let go for it.
    fn open(&mut self, pid: Pid) -> Result<Option<Pidfd>, TreeError> {
        match open(pid) {
            Err(IdentityError::Pidfd { source, .. })
                if is_errno(&source, &[Errno::MFILE, Errno::NFILE]) =>
            {
                self.keep = 0;
                for roster in &mut self.rosters {
                    for member in &mut roster.members {
                        member.let_go();
                    }
                }
                Ok(open(pid)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Looks into the cgroups of those roots that have one.
    pub(super) fn look_in_groups(&mut self, which: &[usize]) -> bool {
        let mut found = false;
        for index in which {
            match self.look_in_group(*index) {
                Ok(new) => found |= new,
                Err(error) => self.fail(*index, error),
            }
        }
        found
    }

    fn look_in_group(&mut self, index: usize) -> Result<bool, TreeError> {
        let Some(roster) = self.rosters.get(index).filter(|roster| roster.grouped) else {
            return Ok(false);
        };
        let Some(hold) = roster.root.group.as_deref() else {
            return Ok(false);
        };
        let path = hold.path();
        let mut found = false;
        for pids in listed(path)?.chunks(HELD_AT_ONCE) {
            found |= self.take_in_listed(index, hold, pids)?;
        }
        Ok(found)
    }

    /// Who is in the group before he is held and also afterwards, is in it; and if the group is
    /// still the root's after all that, everybody who was found is.
    fn take_in_listed(
        &mut self,
        index: usize,
        hold: &dyn GroupHold,
        pids: &[Pid],
    ) -> Result<bool, TreeError> {
        let mut candidates = HashMap::new();
        for pid in pids {
            if self.lives(index, *pid)? {
                continue;
            }
            let row = self.proc.row(*pid).map_err(TreeError::scan)?;
            let known = |row: &Row| self.rosters.get(index).is_some_and(|it| it.knows(row));
            if let Some(row) = row.filter(|row| !known(row))
                && let Some(held) = self.hold(&row)?
            {
                candidates.insert(*pid, held);
            }
        }
        if candidates.is_empty() {
            return Ok(false);
        }
        let still = listed(hold.path())?;
        if !hold.is_current() {
            if let Some(roster) = self.rosters.get_mut(index) {
                roster.grouped = false;
            }
            return Ok(false);
        }
        let mut found = false;
        for pid in still {
            if let Some((pidfd, row)) = candidates.remove(&pid) {
                found |= self.take_in(index, pidfd, &row)?;
            }
        }
        Ok(found)
    }

    /// Whether the member who had this number when it was found lives, so that it still has it.
    fn lives(&mut self, index: usize, pid: Pid) -> Result<bool, TreeError> {
        let roster = self.rosters.get_mut(index);
        match roster.and_then(|roster| roster.member(pid.get())) {
            Some(member) => member.is_alive(&self.proc),
            None => Ok(false),
        }
    }

    /// Whether we or an ancestor of ours are in it, so that it cannot be ended as a whole.
    pub(super) fn holds_us(&self, pids: &[Pid]) -> bool {
        pids.iter().any(|pid| self.spared.contains(&pid.get()))
    }

    /// Sends a signal to those members who pass, in the order in which they were found or the
    /// other way round; gives how many were alive to get it. Who must not be signalled is told
    /// apart, and does not keep it from others.
    pub(super) fn send(
        &mut self,
        index: usize,
        signal: Signal,
        whom: impl Fn(&Held) -> bool,
    ) -> Sent {
        let mut sent = Sent::default();
        let Some(roster) = self.rosters.get_mut(index) else {
            return sent;
        };
        let mut members: Vec<&mut Held> = roster.members.iter_mut().collect();
        // The kernel continues stopped processes of a group whose last parent outside of it ends
        // (setpgid(2)), so those who are being ended go before their parents.
        if signal == Signal::KILL {
            members.reverse();
        }
        for member in members.into_iter().filter(|member| whom(member)) {
            match member.send(&self.proc, signal) {
                Ok(alive) => sent.count += usize::from(alive),
                Err(error) => sent.refused = Some(error),
            }
        }
        sent
    }

    /// The same to as much as the scope says: to a process group as a whole where that can be.
    pub(super) fn send_to_scope(
        &mut self,
        index: usize,
        signal: Signal,
        whom: impl Fn(&Held) -> bool,
    ) -> Sent {
        let alive = self.is_alive(index);
        let Some(roster) = self.rosters.get_mut(index) else {
            return Sent::default();
        };
        let own = own_group();
        let is_group = roster.root.scope == KillMode::Group && roster.number().get() != own;
        if alive
            && is_group
            && roster
                .leader()
                .is_some_and(|leader| signal_group(leader, signal))
        {
            let mut sent = Sent::default();
            for member in roster.members.iter_mut().filter(|member| whom(member)) {
                if member.is_alive(&self.proc).unwrap_or(true) {
                    member.sent = Some(signal);
                    sent.count += 1;
                }
            }
            return sent;
        }
        self.send(index, signal, whom)
    }

    pub(super) fn scope(&self, index: usize) -> Option<KillMode> {
        self.rosters.get(index).map(|roster| roster.root.scope)
    }

    /// SIGKILL was sent to somebody.
    pub(super) fn killed(&mut self, index: usize) {
        if let Some(roster) = self.rosters.get_mut(index) {
            roster.killed = true;
        }
    }

    /// Whether anybody who may be signalled is alive.
    pub(super) fn is_alive(&mut self, index: usize) -> bool {
        let Some(roster) = self.rosters.get_mut(index) else {
            return false;
        };
        let mut members = roster.members.iter_mut();
        // Who cannot be asked is not taken for dead.
        members.any(|member| !member.spared && member.is_alive(&self.proc).unwrap_or(true))
    }
}

/// What came of sending a signal to some members.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) count: usize,
    pub(super) refused: Option<TreeError>,
}

/// We and our ancestors.
fn ourselves(proc: &Proc) -> io::Result<HashSet<i32>> {
    let mut found = HashSet::new();
    let mut next = Some(model_pid(rustix::process::getpid()));
    while let Some(pid) = next.filter(|pid| found.insert(pid.get())) {
        next = proc.row(pid)?.and_then(|row| Pid::new(row.parent));
    }
    Ok(found)
}

/// Where the search through a snapshot begins.
fn seeds(roster: &mut Roster<'_>, snapshot: &Snapshot) -> Vec<usize> {
    let number = roster.number();
    let mut seeds: Vec<usize> = snapshot.of_pid(number).into_iter().collect();
    let known = roster.members.iter().filter(|member| !member.ended);
    seeds.extend(known.filter_map(|member| snapshot.of_pid(member.pid)));
    seeds.extend(snapshot.in_group(number));
    if roster.root.scope == KillMode::Tree {
        seeds.extend(snapshot.in_session(number));
    }
    if let Some(tag) = roster.tag() {
        seeds.extend(snapshot.tagged(tag));
    }
    let mut seen = HashSet::new();
    seeds.retain(|seed| seen.insert(*seed));
    seeds
}

fn listed(group: &Path) -> Result<Vec<Pid>, TreeError> {
    group::processes(group).map_err(TreeError::group(group))
}

/// The process group we are in; 0, as which no group is recorded, when it is one of another pid
/// namespace, which rustix takes for impossible.
fn own_group() -> i32 {
    let stat = procfs::process::Process::myself().and_then(|own| own.stat());
    stat.map_or(0, |stat| stat.pgrp)
}

//! Who is known to belong to one tree, and what proves it.

use std::collections::HashMap;

use hostledger_model::{KillMode, Pid};
use hostledger_sys::Pidfd;

use super::held::{Held, unheld};
use super::snapshot::{Proc, Row};
use super::{TreeError, TreeRoot};
use crate::{PidSpace, Verdict};

/// One tree, as far as it is known by now.
pub(super) struct Roster<'a> {
    pub(super) root: &'a TreeRoot,
    leader: Option<Leader<'a>>,
    pub(super) members: Vec<Held>,
    by_pid: HashMap<i32, usize>,
    /// Whether pids and links mean anything here: not for another boot or namespace.
    linked: bool,
    /// Whether the cgroup is still the root's and may be used.
    pub(super) grouped: bool,
    /// Whether SIGKILL was sent to anybody.
    pub(super) killed: bool,
    /// Whether everybody in it came to a halt at the last look.
    pub(super) halted: bool,
    /// What went wrong first.
    pub(super) failed: Option<TreeError>,
}

enum Leader<'a> {
    Lent(&'a Pidfd),
    Found(Pidfd),
}

impl Leader<'_> {
    fn pidfd(&self) -> &Pidfd {
        match self {
            Self::Lent(pidfd) => pidfd,
            Self::Found(pidfd) => pidfd,
        }
    }
}

impl<'a> Roster<'a> {
    pub(super) fn new(space: &PidSpace, root: &'a TreeRoot) -> Self {
        let grouped = space.means().cgroup && root.scope == KillMode::Tree && root.group.is_some();
        let mut roster = Self {
            root,
            leader: root.leader.as_ref().map(Leader::Lent),
            members: Vec::new(),
            by_pid: HashMap::new(),
            linked: true,
            grouped,
            killed: false,
            halted: false,
            failed: None,
        };
        if roster.leader.is_none() {
            match space.verify(&root.identity) {
                Ok(Verdict::Alive(found) | Verdict::Zombie(found)) => {
                    roster.leader = Some(Leader::Found(found));
                }
                Ok(Verdict::Gone) => {}
                Ok(Verdict::OtherBoot) => {
                    roster.linked = false;
                    roster.grouped = false;
                }
                Ok(Verdict::OtherNamespace) => {
                    let pid = root.identity.pid;
                    roster.linked = false;
                    if !roster.grouped {
                        roster.fail(TreeError::OtherNamespace { pid });
                    }
                }
                Err(error) => roster.fail(error.into()),
            }
        }
        roster
    }

    /// Whether everybody who is known was seen to have ended.
    pub(super) fn is_over(&self) -> bool {
        let mut members = self.members.iter();
        members.all(|member| member.ended || member.spared)
    }

    pub(super) fn fail(&mut self, error: TreeError) {
        self.failed.get_or_insert(error);
    }

    /// Whether /proc is to be looked through for it.
    pub(super) fn needs_scan(&self) -> bool {
        self.linked && self.root.scope != KillMode::Process
    }

    /// Whether a member whose parent is killed may not be found any more.
    pub(super) fn hangs_by_parents(&self) -> bool {
        self.needs_scan() && self.tag().is_none()
    }

    /// Its tag, where that counts.
    pub(super) fn tag(&self) -> Option<u64> {
        let counts = self.linked && self.root.scope == KillMode::Tree;
        self.root.tag.filter(|_| counts)
    }

    pub(super) fn number(&self) -> Pid {
        self.root.identity.pid
    }

    pub(super) fn add(&mut self, member: Held) {
        self.by_pid.insert(member.pid.get(), self.members.len());
        self.members.push(member);
    }

    pub(super) fn member(&mut self, pid: i32) -> Option<&mut Held> {
        let index = self.by_pid.get(&pid)?;
        self.members.get_mut(*index)
    }

    pub(super) fn knows(&self, row: &Row) -> bool {
        let index = self.by_pid.get(&row.pid.get());
        index
            .and_then(|index| self.members.get(*index))
            .is_some_and(|member| member.start == row.start)
    }

    /// Whether this process belongs to the tree, by what was read of it while it was held. True is
    /// believed only if it turns out to be unreaped afterwards.
    pub(super) fn proves(
        &mut self,
        space: &PidSpace,
        proc: &Proc,
        pidfd: &Pidfd,
        row: &Row,
        tag: Option<u64>,
    ) -> Result<bool, TreeError> {
        if !self.linked || row.start < self.root.identity.start_ticks {
            return Ok(false);
        }
        if self.is_leader(space, pidfd, row)? {
            return Ok(true);
        }
        let number = self.number().get();
        Ok(match self.root.scope {
            KillMode::Process => false,
            KillMode::Group => row.group == number && self.number_is_its_own()?,
            KillMode::Tree => {
                (tag.is_some() && tag == self.root.tag)
                    || self.is_child_of_member(proc, row)?
                    || ((row.group == number || row.session == number)
                        && self.number_is_its_own()?)
            }
        })
    }

    fn is_leader(&self, space: &PidSpace, pidfd: &Pidfd, row: &Row) -> Result<bool, TreeError> {
        let identity = &self.root.identity;
        if row.pid != identity.pid || row.start != identity.start_ticks {
            return Ok(false);
        }
        let inode = space.inode(pidfd).map_err(unheld(row.pid))?;
        Ok(match (inode, identity.pidfd_inode) {
            (Some(found), Some(recorded)) => found == recorded,
            _ => true,
        })
    }

    /// The parent that was read is the member as long as that one has not been reaped since.
    fn is_child_of_member(&mut self, proc: &Proc, row: &Row) -> Result<bool, TreeError> {
        match self.member(row.parent) {
            Some(parent) => parent.is_unreaped(proc),
            None => Ok(false),
        }
    }

    /// Whether a session or a group of the leader's number is the leader's: while it is not
    /// reaped, or its group has members, nobody else gets the number. That the group has members
    /// is told since Linux 6.9.
    fn number_is_its_own(&self) -> Result<bool, TreeError> {
        let Some(leader) = self.leader.as_ref().map(Leader::pidfd) else {
            return Ok(false);
        };
        let failed = || unheld(self.number());
        Ok(leader.is_unreaped().map_err(failed())?
            || leader.group_has_members().map_err(failed())? == Some(true))
    }

    /// A descriptor by which the group of the leader is signalled.
    pub(super) fn leader(&self) -> Option<&Pidfd> {
        self.leader.as_ref().map(Leader::pidfd)
    }
}

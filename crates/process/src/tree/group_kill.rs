//! Ending a tree by its cgroup, from which nobody escapes by forking.

use std::path::{Path, PathBuf};
use std::time::Instant;

use hostledger_sys::Signal;

use super::TreeError;
use super::hunt::Hunt;
use crate::cgroup::group;

impl Hunt<'_> {
    /// Ends what is in the cgroups of those roots that have one, and waits until it is gone.
    ///
    /// A group that we are in ourselves is left to be ended one by one, and so is whoever has been
    /// moved to a group elsewhere.
    pub(super) fn end_groups(&mut self, which: &[usize], until: Instant) {
        let mut emptied = Vec::new();
        for index in which {
            match self.end_group(*index, until) {
                Ok(Some(group)) => emptied.push((*index, group)),
                Ok(None) => {}
                Err(error) => self.fail(*index, error),
            }
        }
        for (index, path) in emptied {
            if let Err(source) = group::wait_empty(&path, until) {
                self.fail(index, TreeError::group(&path)(source));
            }
        }
    }

    /// The group's directory, if there was anybody to kill.
    fn end_group(&mut self, index: usize, until: Instant) -> Result<Option<PathBuf>, TreeError> {
        let Some(roster) = self.rosters.get(index).filter(|roster| roster.grouped) else {
            return Ok(None);
        };
        let Some(hold) = roster.root.group.as_deref() else {
            return Ok(None);
        };
        let path = hold.path();
        let pids = group::processes(path).map_err(TreeError::group(path))?;
        // An empty group can be used again, so it is not condemned.
        if pids.is_empty() || self.holds_us(&pids) {
            return Ok(None);
        }
        // Everybody is known beforehand, to be counted and named.
        self.look_in_groups(&[index]);
        if !hold.condemn() {
            if let Some(roster) = self.rosters.get_mut(index) {
                roster.grouped = false;
            }
            return Ok(None);
        }
        if !group::kill(path).map_err(TreeError::group(path))? {
            self.freeze_and_kill(index, path, until)?;
        }
        if let Some(roster) = self.rosters.get_mut(index) {
            roster.killed = true;
        }
        Ok(Some(path.to_owned()))
    }

    /// What `cgroup.kill` does, on a kernel that does not have it (before 5.14): who is frozen
    /// forks no more, and SIGKILL ends him nevertheless.
    pub(super) fn freeze_and_kill(
        &mut self,
        index: usize,
        path: &Path,
        until: Instant,
    ) -> Result<(), TreeError> {
        group::set_frozen(path, true).map_err(TreeError::group(path))?;
        let killed = group::wait_frozen(path, until)
            .map_err(TreeError::group(path))
            .map(|_| {
                self.look_in_groups(&[index]);
                self.send(index, Signal::KILL, |member| !member.ended);
            });
        // Never left frozen.
        group::set_frozen(path, false).map_err(TreeError::group(path))?;
        killed
    }
}

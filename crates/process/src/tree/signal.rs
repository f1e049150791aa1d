//! Signals to trees, and who is in one.

use std::fs;

use hostledger_model::{Pid, StartTicks};
use hostledger_sys::{GroupSignalError, Pidfd, Signal};

use super::error::copy_of;
use super::hunt::Hunt;
use super::{TreeError, TreeRoot};
use crate::PidSpace;

/// A live process of a tree, as a list for people has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub pid: Pid,
    /// When it started.
    pub start_ticks: StartTicks,
    /// Its parent's number; none outside of our pid namespace.
    pub parent: Option<Pid>,
    /// Its name, which it may have changed (proc_pid_comm(5)).
    pub name: String,
}

/// Sends a signal to everybody in each tree, as far as its scope goes; gives for each how many
/// were alive to get it.
///
/// One look is taken for all of them; who is forked meanwhile is not reached. We ourselves, our
/// ancestors and pid 1 get no signal.
///
/// # Errors
/// [`TreeError::Refused`] when nobody could be signalled and the kernel refused one of them; the
/// others when the tree could not be looked at.
pub fn signal_trees(
    space: &PidSpace,
    roots: &[TreeRoot],
    signal: Signal,
) -> Vec<Result<usize, TreeError>> {
    let which: Vec<usize> = (0..roots.len()).collect();
    let mut hunt = match Hunt::begin(space, roots) {
        Ok(hunt) => hunt,
        Err(error) => {
            let failed = |_| Err(TreeError::scan(copy_of(&error)));
            return roots.iter().map(failed).collect();
        }
    };
    hunt.look(&which);
    let results = which.into_iter().map(|index| {
        let sent = hunt.send_to_scope(index, signal, |_| true);
        let roster = hunt.rosters.get_mut(index);
        match (roster.and_then(|roster| roster.failed.take()), sent.refused) {
            (Some(failed), _) => Err(failed),
            (None, Some(refused)) if sent.count == 0 => Err(refused),
            _ => Ok(sent.count),
        }
    });
    results.collect()
}

/// Who is in a tree at this moment, we included; in the order in which they were found, the
/// leader first if it lives.
///
/// # Errors
/// When it could not be looked at.
pub fn tree_members(space: &PidSpace, root: &TreeRoot) -> Result<Vec<Member>, TreeError> {
    let roots = std::slice::from_ref(root);
    let mut hunt = Hunt::begin(space, roots).map_err(TreeError::scan)?;
    hunt.look(&[0]);
    let Some(roster) = hunt.rosters.first_mut() else {
        return Ok(Vec::new());
    };
    if let Some(error) = roster.failed.take() {
        return Err(error);
    }
    let mut members = Vec::new();
    for held in &mut roster.members {
        let row = hunt.proc.row(held.pid).map_err(TreeError::scan)?;
        let name = name_of(held.pid);
        if let (Some(row), true) = (row, held.is_alive(&hunt.proc)?) {
            members.push(Member {
                pid: held.pid,
                start_ticks: held.start,
                parent: Pid::new(row.parent),
                name,
            });
        }
    }
    members.sort_by_key(|member| member.pid != root.identity.pid);
    Ok(members)
}

/// Empty when it has gone.
pub(super) fn name_of(pid: Pid) -> String {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(&name).trim_end().to_owned()
}

/// Sends a signal to the process group of a leader, so that nobody who is being forked is missed;
/// says whether that is done. If not, the members have to be signalled one by one.
pub(super) fn signal_group(leader: &Pidfd, signal: Signal) -> bool {
    let sent = match leader.send_signal_to_group(signal) {
        // Our child that is not reaped holds the number.
        Err(GroupSignalError::Unsupported) => leader.send_signal_to_group_of_child(signal),
        sent => sent,
    };
    sent.is_ok()
}

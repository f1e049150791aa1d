//! What descends from a recorded process.

use hostledger_keeper::tag;
use hostledger_model::{KillMode, LogPlace, Process};
use hostledger_process::{Pidfd, TreeRoot};

use super::tables::Kept;
use super::{Bystander, BystanderError};
use crate::group::KeptGroup;

impl Bystander {
    /// What descends from a process, as far as `scope` reaches; none when it has never started.
    pub(super) fn tree(
        &self,
        process: &Process,
        leader: Option<Pidfd>,
        scope: KillMode,
        kept: &Kept,
    ) -> Result<Option<TreeRoot>, BystanderError> {
        let identity = match (&process.identity, &leader) {
            (Some(identity), _) => identity.clone(),
            (None, Some(leader)) => self.space.identity_of(leader)?,
            (None, None) => return Ok(None),
        };
        let entry = kept.entry_of(process);
        let group = entry.and_then(|(table, entry)| KeptGroup::of(table, entry.slot, process.id));
        // What others have started carries no tag of ours.
        let tag = process
            .identity
            .is_some()
            .then(|| tag(process.id, process.attempt));
        Ok(Some(TreeRoot {
            identity,
            leader,
            tag,
            group,
            scope: reachable(process, scope),
        }))
    }
}

/// A program on somebody's terminal is in that one's process group: it has none of its own.
fn reachable(process: &Process, scope: KillMode) -> KillMode {
    match (&process.log, scope) {
        (Some(LogPlace::Terminal) | None, KillMode::Group) => KillMode::Process,
        (_, scope) => scope,
    }
}

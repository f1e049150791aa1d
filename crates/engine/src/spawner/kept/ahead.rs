//! Programs that are handed over ahead of their turn.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use hostledger_keeper::Keeper;
use hostledger_model::ProcessId;

use super::{KeptPrograms, Phase, Program, Unkept, Wish};
use crate::port::{self, LaunchOrder, Returned};

impl KeptPrograms {
    /// How many can be handed over now; none while some that had their turn, or wait for it, are
    /// another keeper's: the one that is there does not count them.
    pub(in crate::spawner) fn room_ahead(&self) -> Option<usize> {
        let current = self.keepers.iter().find(|kept| kept.current)?;
        let is_elsewhere = |program: &Program| {
            program.in_turn
                && program.keeper != current.number
                && !matches!(program.phase, Phase::Running { ended: true, .. })
        };
        let is_alone = self.keepers.len() == 1;
        let counts_all = is_alone || !self.programs.values().any(is_elsewhere);
        counts_all.then(|| Keeper::MOST_WAITING.saturating_sub(self.ahead))
    }

    pub(in crate::spawner) fn limit_turns(&mut self, at_once: u32) {
        let current = self.keepers.iter_mut().find(|kept| kept.current);
        if let Some(keeper) = current.and_then(|kept| kept.keeper.as_mut()) {
            keeper.limit(at_once);
        }
    }

    pub(in crate::spawner) fn spawn_in_turn(
        &mut self,
        of: port::Program,
        order: &Arc<LaunchOrder>,
        at_once: u32,
        readiness: &OwnedFd,
    ) -> Result<(), Unkept> {
        self.recalled = false;
        self.hand(Wish::new(of, Some(at_once)), order, readiness)
    }

    /// Has all come back that wait for their turn.
    pub(in crate::spawner) fn recall(&mut self) {
        if self.ahead == 0 || std::mem::replace(&mut self.recalled, true) {
            return;
        }
        for kept in &mut self.keepers {
            if let Some(keeper) = &mut kept.keeper {
                keeper.recall();
            }
        }
    }

    pub(in crate::spawner) fn take_returned(&mut self) -> Vec<(ProcessId, Returned)> {
        std::mem::take(&mut self.returned)
    }

    /// It has come back: nothing of it was started.
    pub(super) fn give_back(&mut self, id: ProcessId, why: Returned) {
        let is_asked = |program: &Program| matches!(program.phase, Phase::Asked(_));
        if self.programs.get(&id).is_some_and(is_asked)
            && let Some(program) = self.forget(id)
            && let Phase::Asked(asked) = program.phase
        {
            asked.outlet.discard();
            self.returned.push((id, why));
        }
    }
}

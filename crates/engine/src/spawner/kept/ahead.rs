//! Programs that are handed over ahead of their turn.

use std::num::NonZeroU32;
use std::os::fd::OwnedFd;

use hostledger_keeper::Keeper;
use hostledger_model::{Process, ProcessId};

use super::{KeptPrograms, Phase, Unkept};
use crate::port::LaunchOrder;

impl KeptPrograms {
    /// How many can be handed over now; none while some that had their turn are watched by
    /// others, as their keeper has died: the one that is there does not count them.
    pub(in crate::spawner) fn room_ahead(&self) -> Option<usize> {
        let is_kept = self.keepers.iter().any(|kept| kept.current);
        let counts_all = self.adopted_in_turn == 0;
        (is_kept && counts_all).then(|| Keeper::MOST_WAITING.saturating_sub(self.ahead))
    }

    pub(in crate::spawner) fn spawn_in_turn(
        &mut self,
        process: &Process,
        order: &LaunchOrder,
        at_once: NonZeroU32,
        readiness: &OwnedFd,
    ) -> Result<(), Unkept> {
        self.recalled = false;
        self.hand(process, order, Some(at_once), readiness)
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

    pub(in crate::spawner) fn take_returned(&mut self) -> Vec<ProcessId> {
        std::mem::take(&mut self.returned)
    }

    /// It has come back: nothing of it was started.
    pub(super) fn give_back(&mut self, id: ProcessId) {
        let is_asked = |program: &super::Program| matches!(program.phase, Phase::Asked(_));
        if self.programs.get(&id).is_some_and(is_asked)
            && let Some(program) = self.forget(id)
            && let Phase::Asked(asked) = program.phase
        {
            asked.outlet.discard();
            self.returned.push(id);
        }
    }
}

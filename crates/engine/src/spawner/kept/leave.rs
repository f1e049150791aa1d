//! Keepers that are done with: nothing of them stays.

use std::time::Duration;

use hostledger_process::Pidfd;

use super::KeptPrograms;
use crate::forget::forget;

/// How long a keeper that has nothing to do may take to end.
const UNTIL_ENDED: Duration = Duration::from_millis(50);

impl KeptPrograms {
    /// Removes what dead keepers have left when all of it is written down.
    pub(super) fn forget_dead(&mut self) {
        let programs = &self.programs;
        self.keepers.retain(|kept| {
            let number = kept.number;
            let needed = kept.keeper.is_some() || programs.values().any(|it| it.keeper == number);
            if !needed {
                forget(&kept.table);
            }
            needed
        });
    }
}

impl Drop for KeptPrograms {
    /// A keeper that still has programs goes on with them; of the others nothing stays.
    fn drop(&mut self) {
        for kept in &mut self.keepers {
            let number = kept.number;
            let busy = self.programs.values().any(|it| it.keeper == number);
            let keeper = kept.keeper.take();
            let pidfd = keeper.as_ref().and_then(|it| it.pidfd().try_clone().ok());
            // From here on it takes us for gone.
            drop(keeper);
            if !busy {
                if let Some(pidfd) = pidfd {
                    reap_idle(&pidfd);
                }
                forget(&kept.table);
            }
        }
    }
}

/// A keeper without programs ends when its launcher goes. In a container whose pid 1 reaps nobody
/// it would stay as a zombie if we did not wait for it.
fn reap_idle(keeper: &Pidfd) {
    match keeper.wait_ended(Some(UNTIL_ENDED)) {
        Ok(true) => reap(keeper),
        // What others have left with it keeps it at work.
        Ok(false) => {}
        Err(error) => tracing::debug!(%error, "a keeper was not waited for"),
    }
}

pub(super) fn reap(leader: &Pidfd) {
    if let Err(error) = hostledger_sys::reap(leader) {
        tracing::debug!(%error, pid = %leader.pid(), "not ours to reap");
    }
}

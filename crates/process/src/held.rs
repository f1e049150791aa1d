//! What can be asked of a process that is held by a descriptor.

use hostledger_model::ProcessIdentity;
use hostledger_sys::Pidfd;

use crate::identity::{model_pid, stat_of};
use crate::{IdentityError, PidSpace};

/// `PF_FORKNOEXEC` (include/linux/sched.h): set at a process's birth, until it executes a
/// program. Field 9 of its stat shows it (proc(5)).
const NOT_EXECUTED: u32 = 0x40;

impl PidSpace {
    /// Who a process is that is held.
    ///
    /// # Errors
    /// [`IdentityError::NoProcess`] when it has been reaped.
    pub fn identity_of(&self, held: &Pidfd) -> Result<ProcessIdentity, IdentityError> {
        let pid = model_pid(held.pid());
        let stat = stat_of(held, pid)?.ok_or(IdentityError::NoProcess { pid })?;
        self.identity(held, pid, &stat)
    }

    /// Whether a process has executed a program since it was made. One that has been reaped, or
    /// cannot be asked, is taken to have.
    #[must_use]
    pub fn has_executed(&self, held: &Pidfd) -> bool {
        match stat_of(held, model_pid(held.pid())) {
            Ok(Some(stat)) => stat.flags & NOT_EXECUTED == 0,
            Ok(None) => true,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "it is not known whether a process has begun its program"
                );
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_a_program_has_executed_it() {
        let space = PidSpace::current().unwrap();
        let (identity, held) = space
            .identify(model_pid(rustix::process::getpid()))
            .unwrap();
        assert!(space.has_executed(&held));
        assert_eq!(space.identity_of(&held).unwrap(), identity);
    }
}

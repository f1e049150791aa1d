//! Trying a program again that has failed, by whoever launched it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hostledger_engine::{NotRecorded, lease_end, retry_wait};
use hostledger_model::{OwnerId, Process, ProcessChange, ProcessStatus, Timestamp};
use hostledger_process::Signal;
use hostledger_store::Change;

use crate::stop::stop_request;
use crate::{CommandBuilder, Ledger, LedgerError, Running};

impl CommandBuilder {
    /// Runs it now, and again after a while when it has failed, up to
    /// [`max_attempts`](Self::max_attempts) times; returns when that is over. Each attempt is
    /// given to `attend` when it has been executed, or could not be.
    ///
    /// All attempts are ours, with our environment and input, also where workers share the ledger.
    /// When this program dies, whoever comes next writes down how the attempt ended, and a worker
    /// makes the next one. The values of secret variables die with us: that one is recorded as
    /// `spawn_failed` then.
    ///
    /// # Errors
    /// It cannot be run like this, now or any more, or the ledger failed. What has failed and has
    /// attempts left is queued for a worker then.
    pub fn run_attempts(
        self,
        stopper: &Stopper,
        mut attend: impl FnMut(&Running),
    ) -> Result<Process, LedgerError> {
        let (ledger, stdio) = (self.ledger().clone(), self.stdio());
        let (process, secrets) = self.into_process()?;
        let mut running = ledger.launch_new(process, &secrets, stdio, true)?;
        loop {
            let attempt = Arc::new(running);
            stopper.watch(&attempt);
            attend(&attempt);
            let ended = attempt.wait();
            stopper.forget();
            let ended = ended?;
            if ended.status != ProcessStatus::Queued {
                return Ok(ended);
            }
            let stopped = stopper.wait(retry_wait(&ended));
            let again = ledger
                .kept(&attempt, stopped)
                .and_then(|process| ledger.launch_again(process, &secrets, stdio));
            running = match again {
                Ok(running) => running,
                Err(error) => {
                    ledger.let_go(&attempt);
                    return Err(error);
                }
            };
        }
    }
}

impl Ledger {
    /// The row of a process that has failed and is ours, with a request to stop it written down if
    /// somebody has asked us.
    fn kept(&self, attempt: &Running, stopped: Option<Signal>) -> Result<Process, LedgerError> {
        let id = attempt.id();
        if let Some(signal) = stopped {
            let change = ProcessChange::StopRequested(stop_request(signal));
            let owner = None;
            let change = Change::ChangeProcess { id, change, owner };
            // Refused when somebody else has asked before, which is as good.
            let now = Timestamp::now();
            self.store().submit(now, vec![change]).wait()?;
        }
        let mut process = self.process(id)?;
        let is_ours =
            process.status == ProcessStatus::Queued && process.owner == Some(attempt.owner());
        if is_ours && self.holds(&mut process, attempt.owner())? {
            return Ok(process);
        }
        Err(NotRecorded::TakenOver { id }.into())
    }

    /// Whether a queued process is ours for as long as a start takes. When our lease is over, as
    /// the machine was suspended, it is due for everybody, and so for us: of all, one claims it.
    fn holds(&self, process: &mut Process, owner: OwnerId) -> Result<bool, LedgerError> {
        let now = Timestamp::now();
        if process.retry_at.is_some_and(|lease| lease > now) {
            return Ok(true);
        }
        let lease_until = lease_end(process.timeout_ms, now);
        let change = ProcessChange::Claimed { owner, lease_until };
        change.apply(process, now);
        let change = Change::ChangeProcess {
            id: process.id,
            change,
            owner: None,
        };
        let commit = self.store().submit(now, vec![change]).wait()?;
        Ok(commit.is_applied())
    }

    /// Leaves a process that has failed to the workers: it is due.
    fn let_go(&self, attempt: &Running) {
        let now = Timestamp::now();
        let change = Change::ChangeProcess {
            id: attempt.id(),
            change: ProcessChange::Deferred { retry_at: now },
            owner: Some(attempt.owner()),
        };
        if let Err(error) = self.store().submit(now, vec![change]).wait() {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, id = %attempt.id(), "it stays ours until we are gone");
        }
    }
}

/// Ends a process for good, whichever of its attempts runs, from another thread; clones end the
/// same one.
#[derive(Clone, Default)]
pub struct Stopper(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    stopped: Condvar,
}

#[derive(Default)]
struct State {
    signal: Option<Signal>,
    running: Option<Arc<Running>>,
}

impl Stopper {
    /// Sends what runs a signal, as [`Running::stop`] does, and has no other attempt follow. One
    /// that comes again is sent again.
    pub fn stop(&self, signal: Signal) {
        let mut state = self.state();
        state.signal = Some(signal);
        if let Some(running) = &state.running {
            running.stop(signal, None);
        }
        self.0.stopped.notify_all();
    }

    fn watch(&self, running: &Arc<Running>) {
        let mut state = self.state();
        if let Some(signal) = state.signal {
            running.stop(signal, None);
        }
        state.running = Some(Arc::clone(running));
    }

    fn forget(&self) {
        self.state().running = None;
    }

    /// Waits until it is stopped, or for as long as this; says with which signal.
    fn wait(&self, limit: Duration) -> Option<Signal> {
        let waited = self
            .0
            .stopped
            .wait_timeout_while(self.state(), limit, |state| state.signal.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.signal
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Queued work that is taken back before it starts.

use std::time::{Duration, Instant};

use hostledger_lifecycle::process::Event;
use hostledger_model::{Outcome, OwnerId, Process, ProcessId, ProcessStatus, StopRequest};

use super::{Bystander, BystanderError, sleep_until_look};

/// What came of taking a queued process back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is cancelled: it has not run and will not.
    Cancelled,
    /// Whoever has taken it on was told, and has not answered yet. It will not be started any
    /// more unless that has begun.
    Asked,
    /// It was started before it could be cancelled. It has been told to stop if that was only
    /// just then.
    Started,
    /// It had ended before.
    Ended,
}

impl Bystander {
    /// Takes queued processes back, in the order given; waits no longer than `patience` for those
    /// who have taken some of them on.
    ///
    /// What nobody has taken on is cancelled at once. Whoever has taken a process on may be
    /// starting it this moment: to them a request to stop is stored, which they find before they
    /// start it, or when they write down that they have. Whoever has taken one on at another
    /// machine is asked even if it is dead: the next worker there finds the request.
    pub fn cancel(
        &self,
        ids: &[ProcessId],
        request: &StopRequest,
        patience: Duration,
    ) -> Vec<Result<Cancelled, BystanderError>> {
        // First those that need no patience, and requests to all others.
        let first = |&id: &ProcessId| self.try_cancel(id, Some(request));
        let mut answers: Vec<_> = ids.iter().map(first).collect();
        let deadline = Instant::now().checked_add(patience);
        for (&id, answer) in ids.iter().zip(&mut answers) {
            while matches!(answer, Ok(Cancelled::Asked)) && sleep_until_look(deadline) {
                *answer = self.try_cancel(id, None).map(|now| match now {
                    // It was still queued when it was asked for.
                    Cancelled::Ended => Cancelled::Started,
                    other => other,
                });
            }
        }
        answers
    }

    /// Cancels a process if that can be done now, and stores the request where it cannot.
    fn try_cancel(
        &self,
        id: ProcessId,
        request: Option<&StopRequest>,
    ) -> Result<Cancelled, BystanderError> {
        loop {
            let process = self.process(id)?;
            match (process.status, process.outcome) {
                (ProcessStatus::Exited, Some(Outcome::Cancelled)) if request.is_none() => {
                    return Ok(Cancelled::Cancelled);
                }
                (ProcessStatus::Exited, _) => return Ok(Cancelled::Ended),
                (ProcessStatus::Running, _) => return Ok(Cancelled::Started),
                (ProcessStatus::Queued, _) => {}
            }
            // Whether an owner on another machine lives cannot be known here, and its worker may be
            // starting it this moment: the request is found there by whoever takes it on.
            let elsewhere = process.owner.is_some() && process.machine_id != self.machine;
            if elsewhere || self.is_owned(&process)? {
                if let Some(request) = request {
                    self.request_stop(id, request.clone()).wait()?;
                }
                return Ok(Cancelled::Asked);
            }
            if process.owner.is_some() {
                // From here on its keeper, should it have one, starts nothing more.
                let home = self.at_home_of(process.owner)?;
                home.replay()?;
                if home.entry_of(&self.process(id)?)?.is_some() {
                    return Ok(Cancelled::Asked);
                }
            }
            if self.cancel_unowned(&process)? {
                return Ok(Cancelled::Cancelled);
            }
        }
    }

    /// Cancels a process that belongs to nobody, or still to whom it did; says whether it did.
    fn cancel_unowned(&self, process: &Process) -> Result<bool, BystanderError> {
        // An end may be written by its owner, or by anybody while it has none.
        let owner = process.owner.or_else(|| Some(OwnerId::generate()));
        let as_nobody = Process {
            owner,
            ..process.clone()
        };
        let commit = self.write_down(&as_nobody, [Event::Cancelled]).wait()?;
        if commit.is_applied() {
            self.close(process)?;
        }
        Ok(commit.is_applied())
    }
}

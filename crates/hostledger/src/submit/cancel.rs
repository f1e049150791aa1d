//! Queued work that is taken back.

use std::time::Duration;

use hostledger_engine::Cancelled;
use hostledger_model::ProcessId;
use hostledger_process::Signal;

use crate::stop::stop_request;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// Takes queued processes back before they start; what came of each, in the order given.
    ///
    /// Those that a worker has taken on are asked of it; for its answers `patience` is waited
    /// altogether. What is [`Cancelled::Cancelled`] has not run and will not.
    ///
    /// # Errors
    /// The ledger cannot be used. What could not be done for one of them stands with it.
    pub fn cancel(
        &self,
        ids: &[ProcessId],
        patience: Duration,
    ) -> Result<Vec<Result<Cancelled, LedgerError>>, LedgerError> {
        let request = stop_request(Signal::TERM);
        let answers = self.bystander()?.cancel(ids, &request, patience);
        let answers = answers.into_iter();
        Ok(answers.map(|answer| answer.map_err(Into::into)).collect())
    }
}

//! Hooks among the providers of binaries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hostledger_install::hooks::{EventName, Hook, HookProvider, RecordSink};
use hostledger_install::{BinaryProvider, RunError};
use hostledger_model::json::{Line, interpret};
use serde_json::{Map, Value};

use super::Plugins;
use crate::{Intake, Ledger, LedgerError};

impl Plugins {
    /// The hooks that install programs, as providers, in the order in which they are tried. What
    /// they print besides their answer is taken into the ledger.
    ///
    /// # Errors
    /// The ledger is only read, or the machine is not known.
    pub fn installers(&self, ledger: &Ledger) -> Result<Vec<Box<dyn BinaryProvider>>, LedgerError> {
        let sink: Arc<dyn RecordSink> = Arc::new(Sink(Mutex::new(ledger.intake()?)));
        let provider = |hook: &Hook| {
            let variables = self.variables(hook, Vec::new());
            let python = self.python().to_owned();
            let provider = HookProvider::new(hook.clone(), python, variables, Arc::clone(&sink));
            Box::new(provider) as Box<dyn BinaryProvider>
        };
        Ok(self
            .hooks_of(&EventName::binary_request())
            .map(provider)
            .collect())
    }
}

/// Takes in what installers print.
struct Sink(Mutex<Intake>);

impl Sink {
    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordSink for Sink {
    fn take(&self, record: Map<String, Value>) -> Result<(), RunError> {
        let hook = record.get("hook_name").map(ToString::to_string);
        match interpret(record) {
            Line::Record(record) => {
                let taken = self.intake().take(record);
                let taken = taken.map_err(|error| RunError(error.into()))?;
                tracing::debug!(?taken, hook, "a record of an installer");
            }
            Line::Refused { reason } => {
                let reason = &reason as &dyn std::error::Error;
                tracing::warn!(reason, hook, "a record of an installer is refused");
            }
            other => tracing::debug!(?other, hook, "a record of an installer is nobody's"),
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), RunError> {
        self.intake()
            .finish()
            .map_err(|error| RunError(error.into()))
    }
}

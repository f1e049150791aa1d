//! Hooks among the providers of binaries.

use std::sync::{Arc, Weak};

use hostledger_install::hooks::{EventName, Hook, HookProvider, HookRecord, RecordSink};
use hostledger_install::{BinaryProvider, RunError};
use hostledger_model::json::{Line, interpret};
use serde_json::{Map, Value};

use super::Plugins;
use crate::ledger::Inner;
use crate::{Intake, Ledger, LedgerError};

impl Plugins {
    /// The hooks that install programs, as providers, in the order in which they are tried. What
    /// they print besides their answer is taken into the ledger.
    ///
    #[must_use]
    pub fn installers(&self, ledger: &Ledger) -> Vec<Box<dyn BinaryProvider>> {
        let sink: Arc<dyn RecordSink> = Arc::new(Sink(Arc::downgrade(&ledger.inner)));
        let provider = |hook: &Hook| {
            let variables = self.variables(hook, Vec::new());
            let python = self.python().to_owned();
            let provider = HookProvider::new(hook.clone(), python, variables, Arc::clone(&sink));
            Box::new(provider) as Box<dyn BinaryProvider>
        };
        self.hooks_of(&EventName::binary_request())
            .map(provider)
            .collect()
    }
}

/// Takes in what installers print.
///
/// It holds no ledger: a worker's providers are held by its ledger, which could never be closed.
struct Sink(Weak<Inner>);

impl RecordSink for Sink {
    fn take(&self, records: &mut dyn Iterator<Item = HookRecord>) -> Result<(), RunError> {
        // Whoever drives an installation has the ledger open.
        let Some(inner) = self.0.upgrade() else {
            return Ok(());
        };
        let failed = |error: LedgerError| RunError(error.into());
        let mut intake = Ledger { inner }.intake().map_err(failed)?;
        for record in records {
            take(&mut intake, record?).map_err(failed)?;
        }
        intake.finish().map_err(failed)
    }
}

fn take(intake: &mut Intake, record: Map<String, Value>) -> Result<(), LedgerError> {
    let hook = record.get("hook_name").map(ToString::to_string);
    match interpret(record) {
        Line::Record(record) => {
            let taken = intake.take(record)?;
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

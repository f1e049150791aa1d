//! Running programs of providers, recorded.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use hostledger_install::{Order, RunError, Runner};
use hostledger_model::Process;
use hostledger_process::Stream;

use crate::{Interruption, Ledger, LedgerError, Output};

/// Runs programs of providers as processes of a ledger.
pub(crate) struct Recorded<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) interruption: &'a Interruption,
}

impl Runner for Recorded<'_> {
    fn run(&self, order: Order) -> Result<Process, RunError> {
        self.run_recorded(order)
            .map_err(|error| RunError(error.into()))
    }

    fn open_stdout(&self, process: &Process) -> Result<File, RunError> {
        let id = process.id;
        match self.ledger.output(process, Stream::Stdout) {
            Ok(Output::Log(log)) => Ok(log),
            Ok(_) => Err(RunError(LedgerError::NoLog { id }.into())),
            Err(error) => Err(RunError(error.into())),
        }
    }
}

impl Recorded<'_> {
    fn run_recorded(&self, order: Order) -> Result<Process, LedgerError> {
        let data_dir = self.ledger.writable_data_dir()?;
        data_dir.make_private(&order.working_directory)?;
        data_dir.make_private(&order.log_directory)?;
        let mut words = order.command.into_iter();
        let program = words.next().unwrap_or_default();
        let mut builder = self
            .ledger
            .command(program)
            .args(words)
            .current_dir(&order.working_directory)
            .timeout(order.timeout)
            .process_type(order.process_type)
            .name(order.name);
        if let Some(logs) = below(data_dir.path(), &order.log_directory) {
            builder = builder.log_directory(logs);
        }
        for (key, value) in order.env {
            builder = builder.env(key, value);
        }
        let running = Arc::new(builder.launch()?);
        self.interruption.watch(&running);
        let ended = running.wait();
        self.interruption.forget(&running);
        ended
    }
}

/// A path from the ledger's directory on.
fn below(data_dir: &Path, path: &Path) -> Option<String> {
    let path = path.strip_prefix(data_dir).ok()?.to_str()?;
    Some(path.to_owned())
}

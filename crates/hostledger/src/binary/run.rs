//! Running programs of providers, recorded.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

use hostledger_engine::install::end_orphans;
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

    fn open_stdout(&self, process: &Process) -> Result<Option<File>, RunError> {
        match self.ledger.output(process, Stream::Stdout) {
            Ok(Output::Log(log)) => Ok(Some(log)),
            // Its own program may have removed it.
            Ok(_) => Ok(None),
            Err(error) => Err(RunError(error.into())),
        }
    }

    fn interruption(&self) -> Option<BorrowedFd<'_>> {
        let bell = self.interruption.bell();
        bell.inspect_err(|error| tracing::warn!(%error, "an interruption may come late"))
            .ok()
    }

    fn end_orphans(&self, provider: &str) -> Result<(), RunError> {
        let bystander = self.ledger.bystander();
        let ended = bystander.and_then(|it| Ok(end_orphans(&it, provider)?));
        ended.map_err(|error| RunError(error.into()))
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
        for (key, value) in order.secret_env {
            builder = builder.secret_env(key, value);
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

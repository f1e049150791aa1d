//! The time that a provider has for all that it runs.

use std::cell::Cell;
use std::fs::File;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use hostledger_install::{Order, RunError, Runner};
use hostledger_model::{Process, ProcessId};

/// What is left to a program at the end of a provider's time.
const LEAST: Duration = Duration::from_secs(1);

/// Runs the programs of one provider, which have its time between them.
pub(super) struct Allowance<'a> {
    runner: &'a dyn Runner,
    until: Instant,
    last: Cell<Option<ProcessId>>,
}

impl<'a> Allowance<'a> {
    pub(super) fn new(runner: &'a dyn Runner, time: Duration) -> Self {
        Self {
            runner,
            until: Instant::now() + time,
            last: Cell::new(None),
        }
    }

    /// The program that was run last.
    pub(super) fn last(&self) -> Option<ProcessId> {
        self.last.get()
    }
}

impl Runner for Allowance<'_> {
    fn run(&self, order: Order) -> Result<Process, RunError> {
        let timeout = order.timeout.min(self.time_left()).max(LEAST);
        let process = self.runner.run(Order { timeout, ..order })?;
        self.last.set(Some(process.id));
        Ok(process)
    }

    fn open_stdout(&self, process: &Process) -> Result<Option<File>, RunError> {
        self.runner.open_stdout(process)
    }

    fn interruption(&self) -> Option<BorrowedFd<'_>> {
        self.runner.interruption()
    }

    fn time_left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    fn end_orphans(&self, provider: &str) -> Result<(), RunError> {
        self.runner.end_orphans(provider)
    }
}

//! Waiting for and stopping processes, whoever supervises them.

use std::env;
use std::process;
use std::time::Duration;

use hostledger_engine::Stopped;
use hostledger_model::{Process, ProcessId, StopRequest, Timestamp};
use hostledger_process::Signal;

use crate::{Ledger, LedgerError};

impl Ledger {
    /// Waits until the end of a process is written down; none when `timeout` has passed before.
    ///
    /// A process whose supervisor has died is settled: with what the kernel tells of its end to
    /// others than its parent (Linux 6.15), else as lost.
    ///
    /// # Errors
    /// There is no such process, or it cannot be waited for.
    pub fn wait(
        &self,
        id: ProcessId,
        timeout: Option<Duration>,
    ) -> Result<Option<Process>, LedgerError> {
        Ok(self.bystander()?.wait(id, timeout)?)
    }

    /// Asks a process to end by SIGTERM, and ends it by SIGKILL when it has not after `grace`.
    /// Unless its kill mode is `process`, its process group is asked and ended with it, and has
    /// two seconds more when the process itself has ended.
    ///
    /// Its row changes when it has ended. No other process can be hit: see
    /// [`PidSpace::verify`](hostledger_process::PidSpace::verify).
    ///
    /// # Errors
    /// There is no such process, it has not been started, or it is not certain which one it is.
    pub fn terminate(&self, id: ProcessId, grace: Duration) -> Result<Stopped, LedgerError> {
        let request = stop_request(Signal::TERM);
        Ok(self.bystander()?.stop(id, request, Signal::TERM, grace)?)
    }

    /// Sends a signal to a process alone; says whether it was alive to get it.
    ///
    /// A signal that is sent to end a program (SIGINT, SIGQUIT, SIGABRT, SIGTERM, SIGKILL) is
    /// written down as a request to stop, so that the outcome of the process will be `killed`.
    ///
    /// # Errors
    /// There is no such process, it has not been started, or it is not certain which one it is.
    pub fn kill(&self, id: ProcessId, signal: Signal) -> Result<bool, LedgerError> {
        let request = ends(signal).then(|| stop_request(signal));
        Ok(self.bystander()?.kill(id, signal, request)?)
    }
}

/// A request to stop, made by us now.
pub(crate) fn stop_request(signal: Signal) -> StopRequest {
    let program = env::args_os().next().unwrap_or_default();
    let program = std::path::Path::new(&program)
        .file_name()
        .unwrap_or_default();
    StopRequest {
        at: Timestamp::now(),
        by: format!("pid {} ({})", process::id(), program.display()),
        signal: signal.number(),
    }
}

/// Whether somebody who sends this wants the program to end. SIGHUP is not among them: daemons
/// read their configuration again, and go on.
fn ends(signal: Signal) -> bool {
    [
        Signal::INT,
        Signal::QUIT,
        Signal::ABRT,
        Signal::TERM,
        Signal::KILL,
    ]
    .contains(&signal)
}

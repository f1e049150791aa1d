//! Waiting for and stopping processes, whoever supervises them.

use std::env;
use std::process;
use std::time::Duration;

use hostledger_engine::StopReport;
use hostledger_model::{
    KillMode, Process, ProcessId, ProcessStatus, ProcessType, StopRequest, Timestamp,
};
use hostledger_process::Signal;
use hostledger_store::ProcessFilter;

use crate::{Ledger, LedgerError};

/// What came of stopping one of several processes.
#[derive(Debug)]
pub struct StopResult {
    /// The process, as it was found.
    pub process: Process,
    /// What came of it.
    pub report: Result<StopReport, LedgerError>,
}

impl Ledger {
    /// Waits until the end of a process is written down; none when `timeout` has passed before.
    ///
    /// A process whose supervisor has died is settled: with what its keeper saw of its end, else
    /// with what the kernel tells others than its parent (Linux 6.15), else as lost.
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

    /// Waits until the start of a process is written down, or that it will not come; none when
    /// `timeout` has passed before.
    ///
    /// # Errors
    /// There is no such process, or it cannot be waited for.
    pub fn wait_started(
        &self,
        id: ProcessId,
        timeout: Option<Duration>,
    ) -> Result<Option<Process>, LedgerError> {
        Ok(self.bystander()?.wait_started(id, timeout)?)
    }

    /// Asks a process and what it started to end by SIGTERM, and ends by SIGKILL what has not
    /// after `grace`. How much of what it started is meant is said by its kill mode, or by
    /// `scope` instead. Of a process that has ended, what it has left behind is ended.
    ///
    /// Its row changes when it has ended. No other process can be hit: see
    /// [`PidSpace::verify`](hostledger_process::PidSpace::verify).
    ///
    /// # Errors
    /// There is no such process, it has not been started, or it is not certain which one it is.
    pub fn terminate(
        &self,
        id: ProcessId,
        scope: Option<KillMode>,
        grace: Duration,
    ) -> Result<StopReport, LedgerError> {
        let request = stop_request(Signal::TERM);
        let bystander = self.bystander()?;
        Ok(bystander.stop(id, &request, Signal::TERM, scope, grace)?)
    }

    /// Ends a process and all that descends from it, whatever its kill mode: SIGTERM to all at
    /// once, and SIGKILL to what is left after `grace`.
    ///
    /// # Errors
    /// As for [`terminate`](Self::terminate).
    pub fn kill_tree(&self, id: ProcessId, grace: Duration) -> Result<StopReport, LedgerError> {
        self.terminate(id, Some(KillMode::Tree), grace)
    }

    /// Ends all running processes of this machine, of one kind or of every kind, in parallel;
    /// without `grace` at once, by SIGKILL.
    ///
    /// # Errors
    /// The rows cannot be read. What could not be done for one of them stands with it.
    pub fn stop_all(
        &self,
        process_type: Option<ProcessType>,
        grace: Option<Duration>,
    ) -> Result<Vec<StopResult>, LedgerError> {
        let machine_id = Some(self.current_machine()?.id);
        let rows = self.processes(&ProcessFilter {
            machine_id,
            process_type,
            ..ProcessFilter::running()
        })?;
        self.stop_each(rows.records, grace)
    }

    /// Ends the recorded children of a process, and their children, that run on this machine.
    ///
    /// # Errors
    /// The rows cannot be read. What could not be done for one of them stands with it.
    pub fn kill_children(
        &self,
        id: ProcessId,
        grace: Duration,
    ) -> Result<Vec<StopResult>, LedgerError> {
        let machine = self.current_machine()?.id;
        let running = Some(ProcessStatus::Running);
        let children = self.store().descendants(id, running)?.records;
        let ids: Vec<ProcessId> = children.iter().map(|child| child.id).collect();
        let mut children = self.store().processes_by_id(&ids)?.records;
        children.retain(|child| child.machine_id == machine);
        self.stop_each(children, Some(grace))
    }

    fn stop_each(
        &self,
        processes: Vec<Process>,
        grace: Option<Duration>,
    ) -> Result<Vec<StopResult>, LedgerError> {
        let signal = if grace.is_some() {
            Signal::TERM
        } else {
            Signal::KILL
        };
        let grace = grace.unwrap_or_default();
        let request = stop_request(signal);
        let bystander = self.bystander()?;
        let reports = bystander.stop_all(processes.clone(), &request, signal, None, grace)?;
        let reports = reports.into_iter().map(|report| report.map_err(Into::into));
        Ok(processes
            .into_iter()
            .zip(reports)
            .map(|(process, report)| StopResult { process, report })
            .collect())
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

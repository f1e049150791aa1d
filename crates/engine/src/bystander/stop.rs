//! Ends that somebody asks for.

use std::time::Duration;

use hostledger_model::{
    KillMode, LogPlace, Process, ProcessChange, ProcessId, ProcessStatus, StopRequest,
};
use hostledger_process::{GroupSignalError, Pidfd, Signal, end_rest, send_signal, wait_ended};
use hostledger_store::Change;

use super::{Bystander, BystanderError, Whereabouts};
use crate::direct::REST_GRACE;

/// How long after SIGKILL a process may stay: one that waits for a dead disk cannot be ended.
const AFTER_KILL: Duration = Duration::from_secs(2);

/// What a stop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It had ended before.
    AlreadyEnded,
    /// It ended by itself within the grace.
    Ended,
    /// It had to be killed.
    Killed,
    /// SIGKILL is sent but it has not ended: the kernel has it in a sleep nothing interrupts.
    Survived,
}

impl Bystander {
    /// Stores a request to stop, sends its signal, and SIGKILL when `grace` has passed; the same
    /// for what is left of its group when it has ended, where its kill mode says so.
    ///
    /// The row changes when the process ends, not when it is signalled.
    ///
    /// # Errors
    /// See [`BystanderError`]; nothing is sent to a process that is not certain to be the one.
    pub fn stop(
        &self,
        id: ProcessId,
        request: StopRequest,
        signal: Signal,
        grace: Duration,
    ) -> Result<Stopped, BystanderError> {
        let process = self.process(id)?;
        let Some(pidfd) = self.hold(&process)? else {
            return Ok(Stopped::AlreadyEnded);
        };
        self.request_stop(id, request)?;
        let scope = scope_of(&process);
        send(&pidfd, signal, scope)?;
        // A stopped process sees no other signal.
        send(&pidfd, Signal::CONT, scope)?;
        let stopped = if wait_ended(&pidfd, Some(grace))? {
            Stopped::Ended
        } else {
            send(&pidfd, Signal::KILL, scope)?;
            if !wait_ended(&pidfd, Some(AFTER_KILL))? {
                return Ok(Stopped::Survived);
            }
            Stopped::Killed
        };
        if scope != KillMode::Process {
            end_rest(&pidfd, REST_GRACE).map_err(BystanderError::Rest)?;
        }
        // Nobody else may have seen it: those who look later come too late for the kernel.
        self.settle_unowned(&process, Some(&pidfd))?;
        Ok(stopped)
    }

    /// Sends a signal to a process alone; says whether it was alive to get it. With a `request`
    /// that is stored first, so that its outcome will be `killed`.
    ///
    /// # Errors
    /// See [`BystanderError`]; nothing is stored or sent then.
    pub fn kill(
        &self,
        id: ProcessId,
        signal: Signal,
        request: Option<StopRequest>,
    ) -> Result<bool, BystanderError> {
        let process = self.process(id)?;
        let Some(pidfd) = self.hold(&process)? else {
            return Ok(false);
        };
        if let Some(request) = request {
            self.request_stop(id, request)?;
        }
        Ok(send_signal(&pidfd, signal)?)
    }

    /// The live process of a row; none when it has ended.
    fn hold(&self, process: &Process) -> Result<Option<Pidfd>, BystanderError> {
        let (id, machine) = (process.id, process.machine_id);
        match process.status {
            ProcessStatus::Exited => return Ok(None),
            ProcessStatus::Queued => return Err(BystanderError::NotStarted { id }),
            ProcessStatus::Running => {}
        }
        match self.find(process)? {
            // A zombie has ended: a stop comes too late to be the cause.
            Whereabouts::Held(pidfd) => {
                Ok((!wait_ended(&pidfd, Some(Duration::ZERO))?).then_some(pidfd))
            }
            Whereabouts::Gone => Ok(None),
            Whereabouts::OtherNamespace => Err(BystanderError::OtherNamespace { id }),
            Whereabouts::Unknown if machine != self.machine => {
                Err(BystanderError::Elsewhere { id, machine })
            }
            Whereabouts::Unknown => Err(BystanderError::Unidentified { id }),
        }
    }

    /// Writes down that somebody wants a process stopped; the first such request stands.
    fn request_stop(&self, id: ProcessId, request: StopRequest) -> Result<(), BystanderError> {
        let now = request.at;
        let change = ProcessChange::StopRequested(request);
        self.store
            .submit(
                now,
                vec![Change::ChangeProcess {
                    id,
                    change,
                    owner: None,
                }],
            )
            .wait()?;
        Ok(())
    }
}

/// Which part of what a process started a stop is for: only one with a session of its own, which
/// is one that writes logs, has a group that is its own.
fn scope_of(process: &Process) -> KillMode {
    match &process.log {
        Some(LogPlace::Files { .. } | LogPlace::Directory { .. } | LogPlace::Merged { .. }) => {
            process.kill_mode
        }
        Some(LogPlace::Terminal) | None => KillMode::Process,
    }
}

/// Sends a signal to a process, and to its group when the scope says so and the kernel can do
/// that by descriptor.
fn send(pidfd: &Pidfd, signal: Signal, scope: KillMode) -> Result<(), BystanderError> {
    if scope != KillMode::Process {
        match pidfd.send_signal_to_group(signal) {
            Ok(()) => return Ok(()),
            // Nobody is left in it, or the kernel is too old: the process alone, then.
            Err(GroupSignalError::Unsupported | GroupSignalError::Refused { .. }) => {}
        }
    }
    send_signal(pidfd, signal)?;
    Ok(())
}

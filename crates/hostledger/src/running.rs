//! A process that was launched here.

use std::fs::File;
use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use hostledger_engine::{Progress, Watch};
use hostledger_model::{OwnerId, Process, ProcessId};
use hostledger_process::{PidSpace, RelayError, Signal, Stream, Verdict, relay};
use rustix::event::{EventfdFlags, eventfd};

use crate::binary::BinaryCheck;
use crate::launch::Prepared;
use crate::ledger::Supervision;
use crate::made_terminal::MadeTerminal;
use crate::stdio::Ends;
use crate::stop::stop_request;
use crate::{Ledger, LedgerError};

/// How long a program has to end when nobody reads its output any more.
const READER_GONE_GRACE: TimeDelta = TimeDelta::seconds(2);

/// A process that was launched by this program and is supervised by it.
///
/// Dropping it lets the process go on, supervised for as long as the ledger is open.
pub struct Running {
    ledger: Ledger,
    supervision: Arc<Supervision>,
    id: ProcessId,
    attempt: u32,
    watch: Arc<Watch>,
    ends: Ends,
    check: Option<BinaryCheck>,
}

/// How passing output on ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relayed {
    /// All that was written by the end of the process is passed on.
    All,
    /// Whoever read it is gone; the process was told by SIGPIPE.
    ReaderGone,
}

impl Running {
    /// Hands a process that is written and claimed to the engine, and waits for its start.
    pub(crate) fn start(
        ledger: Ledger,
        supervision: Arc<Supervision>,
        process: Process,
        prepared: Prepared,
    ) -> Self {
        let (id, attempt) = (process.id, process.attempt);
        let watch = match prepared.keeps {
            true => supervision.engine.launch_kept(process, prepared.order),
            false => supervision.engine.launch(process, prepared.order),
        };
        let _started = watch.wait_started();
        Self {
            ledger,
            supervision,
            id,
            attempt,
            watch,
            ends: prepared.ends,
            check: prepared.check,
        }
    }

    /// What has changed of the recorded program that it runs, since that was installed; none when
    /// nothing has, or it runs none that is recorded.
    #[must_use]
    pub fn changed_binary(&self) -> Option<&BinaryCheck> {
        self.check.as_ref()
    }

    /// Who we are, for the rows we own.
    pub(crate) fn owner(&self) -> OwnerId {
        self.supervision.owner()
    }

    pub(crate) fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Which attempt at it this is, from 1 on. Its row may have gone on to the next one.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Its row, as far as it is written down.
    ///
    /// # Errors
    /// It could not be kept up, or not be read.
    pub fn process(&self) -> Result<Process, LedgerError> {
        match self.watch.progress() {
            Progress::Running(process) | Progress::Ended(process) | Progress::Queued(process) => {
                Ok(*process)
            }
            Progress::Starting => self.ledger.process(self.id),
            Progress::NotRecorded(error) => Err(error.into()),
        }
    }

    pub(crate) fn made_terminal(&self) -> Option<&MadeTerminal> {
        self.ends.terminal.as_ref()
    }

    /// Nobody is left to write for: as a pipe without a reader would have it.
    pub(crate) fn stop_as_nobody_reads(&self) {
        self.stop(Signal::PIPE, Some(READER_GONE_GRACE));
    }

    /// What it reads, to write into: once, and only of a program that was launched with
    /// [`pipe_stdin`](crate::CommandBuilder::pipe_stdin). It reads the end when this is dropped.
    pub fn take_stdin(&mut self) -> Option<PipeWriter> {
        self.ends.stdin.take()
    }

    /// Its output, to read: once, and only of a program that was launched with
    /// [`pipe_output`](crate::CommandBuilder::pipe_output).
    pub fn take_stdout(&mut self) -> Option<PipeReader> {
        self.ends.stdout.take()
    }

    /// Its error output, the same way.
    pub fn take_stderr(&mut self) -> Option<PipeReader> {
        self.ends.stderr.take()
    }

    /// Waits until its end is written down.
    ///
    /// # Errors
    /// What happened could not be written down; the error has the exit code.
    pub fn wait(&self) -> Result<Process, LedgerError> {
        loop {
            if let Some(process) = self.wait_timeout(Duration::MAX)? {
                return Ok(process);
            }
        }
    }

    /// Waits until its end is written down; none when `timeout` has passed before.
    ///
    /// # Errors
    /// What happened could not be written down; the error has the exit code.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Process>, LedgerError> {
        match self.watch.wait_ended(Some(timeout)) {
            Some(Progress::Ended(process) | Progress::Queued(process)) => Ok(Some(*process)),
            Some(Progress::NotRecorded(error)) => Err(error.into()),
            Some(Progress::Starting | Progress::Running(_)) | None => Ok(None),
        }
    }

    /// Has it stopped: the request is written down, then the signal is sent to what it started
    /// by its kill mode, and after `grace` SIGKILL. Its outcome will be `killed`.
    pub fn stop(&self, signal: Signal, grace: Option<TimeDelta>) {
        self.supervision
            .engine
            .stop(self.id, stop_request(signal), grace);
    }

    /// Sends it a signal that is no request to stop.
    pub fn signal(&self, signal: Signal) {
        self.supervision.engine.signal(self.id, signal.number());
    }

    /// Passes its output on while it is written, byte for byte, until it has ended and all that
    /// it wrote is passed on. When a reader goes away, the process is stopped by SIGPIPE.
    ///
    /// # Errors
    /// A log cannot be read, or passed on for another reason than that nobody reads; or so much
    /// was written while the reader was slow that the bound of the log has removed some of it.
    pub fn relay(
        &self,
        stdout: impl AsFd + Sync,
        stderr: impl AsFd + Sync,
    ) -> Result<Relayed, LedgerError> {
        let process = self.process()?;
        if process.started_at.is_none() {
            return Ok(Relayed::All);
        }
        let ended = ended_fd(&process)?;
        let logs =
            [Stream::Stdout, Stream::Stderr].map(|stream| self.ledger.open_log(&process, stream));
        let [out_log, err_log] = logs;
        let (out_log, err_log) = (out_log?, err_log?);
        thread::scope(|scope| {
            let err = thread::Builder::new()
                .name("hostledger-stderr".to_owned())
                .spawn_scoped(scope, || self.relay_stream(&err_log, &ended, &stderr))
                .map_err(LedgerError::Thread)?;
            let out = self.relay_stream(&out_log, &ended, &stdout);
            let err = err.join().unwrap_or_else(|panic| resume_unwind(panic));
            match (out?, err?) {
                (Some(out), Some(err)) => self.check_complete(out, err),
                _ => Ok(Relayed::ReaderGone),
            }
        })
    }

    /// Whether nothing was removed from the logs before it was passed on.
    fn check_complete(&self, out: u64, err: u64) -> Result<Relayed, LedgerError> {
        let process = self.wait()?;
        let missing = |dropped: Option<u64>, written: Option<u64>, passed: u64| match dropped {
            Some(_) => written.unwrap_or_default().saturating_sub(passed),
            None => 0,
        };
        let of_stdout = missing(process.stdout_dropped, process.stdout_bytes, out);
        let of_stderr = missing(process.stderr_dropped, process.stderr_bytes, err);
        match of_stdout + of_stderr {
            0 => Ok(Relayed::All),
            bytes => Err(LedgerError::OutputMissed { id: self.id, bytes }),
        }
    }

    /// How much was passed on; none when the reader has gone.
    fn relay_stream(
        &self,
        log: &File,
        ended: &OwnedFd,
        out: &impl AsFd,
    ) -> Result<Option<u64>, LedgerError> {
        match relay(log, ended, out) {
            Ok(passed) => Ok(Some(passed.bytes)),
            Err(RelayError::ReaderGone { .. }) => {
                self.stop_as_nobody_reads();
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A descriptor that is readable once the process has ended.
pub(crate) fn ended_fd(process: &Process) -> Result<OwnedFd, LedgerError> {
    if let Some(identity) = &process.identity
        && let Verdict::Alive(pidfd) | Verdict::Zombie(pidfd) =
            PidSpace::current()?.verify(identity)?
    {
        return pidfd
            .as_fd()
            .try_clone_to_owned()
            .map_err(LedgerError::Descriptors);
    }
    // It has ended and been reaped already: readable at once.
    eventfd(1, EventfdFlags::CLOEXEC).map_err(|error| LedgerError::Descriptors(error.into()))
}

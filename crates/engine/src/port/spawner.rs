//! Who starts programs, signals them and learns how they end.

use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use hostledger_lifecycle::process::Event;
use hostledger_model::{KillMode, LaunchAttributes, ProcessId};

/// Starts programs and supervises them.
///
/// What comes of a call is told by [`take_events`](Self::take_events). The event loop serves
/// nobody else during a call: none may take longer than an exec or the reading of a bounded part
/// of a log.
pub trait Spawner: Send {
    /// Starts the program of a process; `Spawned` or `SpawnFailed` follows, then `Exited`.
    fn spawn(&mut self, id: ProcessId, order: &LaunchOrder);

    /// Sends a signal to (a part of) what a process started, and to nobody else.
    ///
    /// # Errors
    /// The process is not supervised here, or the kernel refuses. A process that has ended
    /// meanwhile is no error.
    fn signal(&mut self, id: ProcessId, signal: i32, scope: KillMode) -> Result<(), SignalFailed>;

    /// Becomes readable when [`take_events`](Self::take_events) has something to tell.
    fn readiness(&self) -> BorrowedFd<'_>;

    /// What has happened since the last call, in order.
    fn take_events(&mut self) -> Vec<(ProcessId, Event)>;

    /// The end of the process is written down: forget it. Until then its end can be read again.
    ///
    /// With `end_rest` what it has left behind of its group gets a moment to end too, and is
    /// ended then; that goes on in the background, and at the latest when this is dropped.
    fn release(&mut self, id: ProcessId, end_rest: bool);
}

/// A signal that could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("failed to send signal {signal} to process {id}")]
pub struct SignalFailed {
    /// The process.
    pub id: ProcessId,
    /// The signal's number.
    pub signal: i32,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

/// Everything that is needed to start a program, resolved and complete.
///
/// Holds secret variables: never logged, hence no `Debug`.
#[derive(Clone)]
pub struct LaunchOrder {
    /// Program and arguments, exact to the byte.
    pub command: Vec<OsString>,
    /// Its working directory.
    pub working_directory: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What else differs from its launcher.
    pub attributes: LaunchAttributes,
    /// What it reads.
    pub stdin: StdinSource,
    /// Where it writes.
    pub output: OutputPlace,
}

/// What a process reads as its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdinSource {
    /// Nothing: `/dev/null`.
    Null,
    /// What its launcher would read.
    Inherit,
}

/// Where a process writes its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputPlace {
    /// Into `<stem>.stdout.log` and `<stem>.stderr.log` of a directory.
    Files {
        /// The directory; it exists and is ours.
        directory: PathBuf,
        /// The file names without their endings.
        stem: String,
        /// What the row says of the place.
        recorded: String,
    },
    /// To the terminal of its launcher, in its session.
    Terminal,
}

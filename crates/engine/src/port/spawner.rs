//! Who starts programs, signals them and learns how they end.

use std::ffi::OsString;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hostledger_lifecycle::process::Event;
use hostledger_model::{KillMode, LaunchAttributes, LogPlace, Process, ProcessId};

/// Starts programs and supervises them.
///
/// What comes of a call is told by [`take_events`](Self::take_events). The event loop serves
/// nobody else during a call: none may take longer than an exec or the reading of a bounded part
/// of a log.
pub trait Spawner: Send {
    /// Starts the program of a process; `Spawned` or `SpawnFailed` follows, then `Exited`.
    fn spawn(&mut self, program: Program, order: &Arc<LaunchOrder>);

    /// How many programs can be handed over ahead of their turn now; none where nobody sees to
    /// turns, as without a keeper.
    fn room_ahead(&self) -> Option<usize>;

    /// Hands a program over ahead of its turn: it is started when fewer than `at_once` of those
    /// that were handed over so run, without anybody being asked. What comes of it is told as for
    /// [`spawn`](Self::spawn), unless it comes back ([`take_returned`](Self::take_returned)).
    fn spawn_in_turn(&mut self, program: Program, order: &Arc<LaunchOrder>, at_once: u32);

    /// From now on so many of those that are handed over ahead may run.
    fn limit_turns(&mut self, at_once: u32);

    /// Has all that were handed over ahead and are not started come back.
    fn recall(&mut self);

    /// Programs of a queue that have come back since the last call: nothing of them was started.
    fn take_returned(&mut self) -> Vec<(ProcessId, Returned)>;

    /// Sends a signal to (a part of) what a process started, and to nobody else. Looking for all
    /// of it goes on in the background.
    ///
    /// # Errors
    /// The process is not supervised here, or there is no such signal. A process that has ended
    /// meanwhile is no error.
    fn signal(&mut self, id: ProcessId, signal: i32, scope: KillMode) -> Result<(), SignalFailed>;

    /// Tells that SIGKILL is due after this time, so that whoever supervises the process when we
    /// are gone sends it.
    fn escalate(&mut self, id: ProcessId, kill_after: Duration);

    /// Becomes readable when [`take_events`](Self::take_events) has something to tell.
    fn readiness(&self) -> BorrowedFd<'_>;

    /// What has happened since the last call, in order.
    fn take_events(&mut self) -> Vec<(ProcessId, Event)>;

    /// The end of the process is written down: forget it. Until then its end can be read again.
    ///
    /// With `end_rest` what it has left behind of that scope gets a moment to end too, and is
    /// ended then; that goes on in the background, and at the latest when this is dropped.
    fn release(&mut self, id: ProcessId, end_rest: Option<KillMode>);
}

/// Of a process, what whoever starts its program has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Whose it is.
    pub id: ProcessId,
    /// Which attempt at it.
    pub attempt: u32,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// What its end reaches.
    pub kill_mode: KillMode,
    /// Of a program of a queue, until when it may be started, from now: then others may have taken
    /// it on. It comes back when it was not started by then, or could not be for want of what has
    /// nothing to do with it ([`Spawner::take_returned`]).
    pub start_within: Option<Duration>,
}

impl From<&Process> for Program {
    fn from(process: &Process) -> Self {
        Self {
            id: process.id,
            attempt: process.attempt,
            timeout: process.timeout_ms.map(Duration::from_millis),
            kill_mode: process.kill_mode,
            start_within: None,
        }
    }
}

/// Why a program of a queue has come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// It was recalled, it is too late for it, or nobody is there any more who sees to turns.
    Recalled,
    /// Descriptors, memory, processes or room on the disk have run out here: that says nothing of
    /// the program, which can be started later.
    Shortage,
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
#[derive(Debug, Clone)]
pub enum StdinSource {
    /// Nothing: `/dev/null`.
    Null,
    /// What its launcher would read.
    Inherit,
    /// This, such as the reading end of a pipe.
    Given(Arc<OwnedFd>),
}

/// Where a process writes its output.
#[derive(Debug, Clone)]
pub enum OutputPlace {
    /// Into log files.
    Files(LogFilesPlace),
    /// To the terminal of its launcher, in its session.
    Terminal,
    /// To descriptors that its launcher reads, such as pipes; nothing is kept.
    Given {
        /// Its standard output.
        stdout: Arc<OwnedFd>,
        /// Its standard error.
        stderr: Arc<OwnedFd>,
    },
    /// To a terminal made for it, which is also what it reads; its launcher passes it on and
    /// writes it into the log of standard output.
    MadeTerminal {
        /// The program's side of it.
        terminal: Arc<OwnedFd>,
        /// Where its launcher writes it.
        place: LogFilesPlace,
        /// Set when all that was written by the end of the process is in the log.
        written: Arc<AtomicBool>,
    },
}

/// A pair of log files.
#[derive(Debug, Clone)]
pub struct LogFilesPlace {
    /// The directory; it exists and is ours.
    pub directory: PathBuf,
    /// The file names without their endings; empty for a program's own directory, which is made
    /// when it is missing.
    pub stem: String,
    /// What the row says of the place.
    pub recorded: LogPlace,
}

//! A spawner whose programs are our own children.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hostledger_lifecycle::process::{Event, Exit, Output as Wrote};
use hostledger_model::{KillMode, LogPlace, ProcessId, Timestamp, with_causes};
use hostledger_process::{
    Children, ChildrenError, EndStatus, GroupSignalError, InvalidLaunch, Launch, LaunchError,
    LaunchSpec, Launched, LogDirectory, LogError, LogFiles, Output, PidSpace, PidSpaceError, Pidfd,
    Session, Signal, SignalError, Stdin, TerminalError, TerminalGuard, end_rest, send_signal,
};

use crate::logs;
use crate::port::{LaunchOrder, OutputPlace, SignalFailed, Spawner, StdinSource};

/// How long what a stopped program has left of its group may take to end by itself.
pub(crate) const REST_GRACE: Duration = Duration::from_secs(2);

/// Starts programs as direct children of this process.
///
/// Their ends are read without reaping, so that an end which is not written down yet can be read
/// again by whoever inherits the children.
pub struct DirectSpawner {
    space: &'static PidSpace,
    children: Children<ProcessId>,
    started: HashMap<ProcessId, Started>,
    events: Vec<(ProcessId, Event)>,
    /// Threads that end what ended programs have left of their groups.
    rests: Vec<JoinHandle<()>>,
}

/// What is kept of a child until it is released.
enum Started {
    /// Its output is in these files.
    Logged { directory: PathBuf, stem: String },
    /// It has our terminal, and a thread that stops and goes on with it.
    OnTerminal(Option<JoinHandle<()>>),
}

/// Why this process cannot have children to watch.
#[derive(Debug, thiserror::Error)]
pub enum DirectSpawnerError {
    /// Where we are among processes cannot be learnt.
    #[error(transparent)]
    PidSpace(#[from] PidSpaceError),
    /// Children cannot be watched.
    #[error(transparent)]
    Children(#[from] ChildrenError<ProcessId>),
}

/// Why a program did not start: all of these become the reason in its row.
#[derive(Debug, thiserror::Error)]
enum StartFailed {
    #[error(transparent)]
    Invalid(#[from] InvalidLaunch),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    #[error("cannot follow the program")]
    Follow(#[source] io::Error),
    #[error("another program of ours has the terminal")]
    TerminalTaken,
    #[error(transparent)]
    Watch(#[from] ChildrenError<ProcessId>),
}

impl StartFailed {
    fn exit_code(&self) -> i32 {
        match self {
            Self::Launch(error) => error.exit_code().into(),
            _ => 126,
        }
    }
}

impl LaunchOrder {
    /// Checks what can be known to be wrong before anything is recorded.
    ///
    /// # Errors
    /// See [`InvalidLaunch`].
    pub fn check(&self) -> Result<Launch, InvalidLaunch> {
        let attributes = &self.attributes;
        let mut spec = LaunchSpec::new(self.command.clone(), self.working_directory.clone());
        spec.environment.clone_from(&self.environment);
        spec.stdin = match self.stdin {
            StdinSource::Null => Stdin::Null,
            StdinSource::Inherit => Stdin::Inherit,
        };
        spec.session = match self.output {
            OutputPlace::Files { .. } => Session::New,
            OutputPlace::Terminal => Session::Same,
        };
        spec.umask = attributes.umask;
        spec.nice = attributes.nice;
        spec.limits.clone_from(&attributes.rlimits);
        spec.check()
    }
}

impl DirectSpawner {
    /// A spawner without children yet.
    ///
    /// # Errors
    /// /proc is missing, or descriptors have run out.
    pub fn new() -> Result<Self, DirectSpawnerError> {
        let space = PidSpace::current()?;
        Ok(Self {
            space,
            children: Children::new(space)?,
            started: HashMap::new(),
            events: Vec::new(),
            rests: Vec::new(),
        })
    }

    fn start(&mut self, id: ProcessId, order: &LaunchOrder) -> Result<Event, StartFailed> {
        let launch = order.check()?;
        let (launched, started, log) = match &order.output {
            OutputPlace::Files {
                directory,
                stem,
                recorded,
            } => {
                let files = LogDirectory::open(directory)?.create(stem)?;
                let launched = self.launch_logged(&launch, &files)?;
                let started = Started::Logged {
                    directory: directory.clone(),
                    stem: stem.clone(),
                };
                (
                    launched,
                    started,
                    LogPlace::Files {
                        stem: recorded.clone(),
                    },
                )
            }
            OutputPlace::Terminal => {
                let (launched, follower) = self.launch_on_terminal(&launch)?;
                (
                    launched,
                    Started::OnTerminal(Some(follower)),
                    LogPlace::Terminal,
                )
            }
        };
        if let Err(error) = self.watch(id, &launched) {
            // What nobody watches must not run.
            launched.undo();
            return Err(error);
        }
        self.started.insert(id, started);
        let Launched {
            identity,
            started_at,
            ..
        } = launched;
        Ok(Event::Spawned {
            identity,
            started_at,
            log,
        })
    }

    fn watch(&mut self, id: ProcessId, launched: &Launched) -> Result<(), StartFailed> {
        let pidfd = launched.pidfd.try_clone().map_err(StartFailed::Follow)?;
        Ok(self.children.add(id, pidfd)?)
    }

    fn launch_logged(&self, launch: &Launch, files: &LogFiles) -> Result<Launched, StartFailed> {
        Ok(launch
            .start(self.space, Output::Files(files))
            .inspect_err(|_| remove(files))?)
    }

    fn launch_on_terminal(
        &self,
        launch: &Launch,
    ) -> Result<(Launched, JoinHandle<()>), StartFailed> {
        if self
            .started
            .values()
            .any(|started| matches!(started, Started::OnTerminal(_)))
        {
            return Err(StartFailed::TerminalTaken);
        }
        let guard = TerminalGuard::begin()?;
        let launched = launch.start(self.space, Output::Inherit)?;
        match follow(guard, &launched) {
            Ok(follower) => Ok((launched, follower)),
            Err(source) => {
                launched.undo();
                Err(StartFailed::Follow(source))
            }
        }
    }

    fn exited(&self, id: ProcessId, status: EndStatus) -> Event {
        let Some(termination) = status.termination() else {
            return Event::Lost;
        };
        let output = match self.started.get(&id) {
            Some(Started::Logged { directory, stem }) => logs::read(directory, stem),
            Some(Started::OnTerminal(_)) | None => Wrote::default(),
        };
        Event::Exited(Exit {
            at: Timestamp::now(),
            termination,
            usage: status.usage(),
            output,
            stopped: None,
        })
    }
}

impl Spawner for DirectSpawner {
    fn spawn(&mut self, id: ProcessId, order: &LaunchOrder) {
        let event = self
            .start(id, order)
            .unwrap_or_else(|error| Event::SpawnFailed {
                exit_code: error.exit_code(),
                reason: with_causes(&error),
            });
        self.events.push((id, event));
    }

    fn signal(&mut self, id: ProcessId, signal: i32, scope: KillMode) -> Result<(), SignalFailed> {
        let failed = |source| SignalFailed { id, signal, source };
        let pidfd = self.children.pidfd(&id);
        let pidfd = pidfd.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let number =
            Signal::new(signal).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let leads_group = matches!(self.started.get(&id), Some(Started::Logged { .. }));
        if leads_group && scope != KillMode::Process {
            signal_group(pidfd, number).map_err(failed)
        } else {
            signal_process(pidfd, number).map_err(failed)
        }
    }

    fn readiness(&self) -> BorrowedFd<'_> {
        self.children.as_fd()
    }

    fn take_events(&mut self) -> Vec<(ProcessId, Event)> {
        let mut events = std::mem::take(&mut self.events);
        match self.children.take_ended() {
            Ok(ended) => {
                events.extend(
                    ended
                        .iter()
                        .map(|end| (end.key, self.exited(end.key, end.status))),
                );
            }
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::error!(error, "the end of a child could not be read");
            }
        }
        events
    }

    fn release(&mut self, id: ProcessId, end_rest: bool) {
        let leads_group = matches!(self.started.get(&id), Some(Started::Logged { .. }));
        if let Some(Started::OnTerminal(Some(follower))) = self.started.remove(&id)
            && follower.join().is_err()
        {
            tracing::error!("the thread that followed the program on the terminal has panicked");
        }
        // One that could not be started is no child.
        let Some(pidfd) = self.children.pidfd(&id) else {
            return;
        };
        let rest = (end_rest && leads_group).then(|| rest_of(pidfd)).flatten();
        if let Err(error) = self.children.release(&id) {
            let error = &error as &dyn Error;
            tracing::warn!(error, "a child was not reaped");
        }
        self.rests.retain(|rest| !rest.is_finished());
        self.rests.extend(rest.and_then(end_in_background));
    }
}

/// A thread that stops and goes on with a program that has our terminal.
fn follow(guard: TerminalGuard, launched: &Launched) -> io::Result<JoinHandle<()>> {
    let program = launched.pidfd.try_clone()?;
    thread::Builder::new()
        .name("hostledger-terminal".to_owned())
        .spawn(move || {
            if let Err(error) = guard.wait(&program) {
                let error = &error as &dyn Error;
                tracing::warn!(error, "the program on the terminal is no longer followed");
            }
        })
}

impl Drop for DirectSpawner {
    /// What was to be ended is, before we go.
    fn drop(&mut self) {
        for rest in self.rests.drain(..) {
            if rest.join().is_err() {
                tracing::error!("the thread that ends a group has panicked");
            }
        }
    }
}

/// A hold on the group that an ended child of ours has led, for after it is reaped.
///
/// Before Linux 6.9 only the zombie holds the group's number, so what is left is ended at once.
fn rest_of(pidfd: &Pidfd) -> Option<Pidfd> {
    match pidfd.group_has_members() {
        Ok(Some(_)) => pidfd.try_clone().ok(),
        Ok(None) => {
            if let Err(error) = signal_group(pidfd, Signal::KILL) {
                tracing::debug!(%error, "nobody was left of a group");
            }
            None
        }
        Err(error) => {
            tracing::warn!(%error, "what is left of a group is not known");
            None
        }
    }
}

/// Ends what is left of a group; nothing is started when nothing is.
fn end_in_background(leader: Pidfd) -> Option<JoinHandle<()>> {
    if leader.group_has_members().ok().flatten() != Some(true) {
        return None;
    }
    let ending = thread::Builder::new()
        .name("hostledger-rest".to_owned())
        .spawn(move || {
            if let Err(error) = end_rest(&leader, REST_GRACE) {
                tracing::warn!(%error, "what is left of a group was not ended");
            }
        });
    ending
        .inspect_err(|error| tracing::warn!(%error, "no thread to end a group"))
        .ok()
}

/// Sends a signal to the group that a child of ours leads: by its descriptor where the kernel
/// can (Linux 6.9), else by its number, which the unreaped child holds.
fn signal_group(pidfd: &Pidfd, signal: Signal) -> Result<(), io::Error> {
    let sent = match pidfd.send_signal_to_group(signal) {
        Err(GroupSignalError::Unsupported) => pidfd.send_signal_to_group_of_child(signal),
        sent => sent,
    };
    sent.map_err(|error| match error {
        GroupSignalError::Unsupported => io::ErrorKind::Unsupported.into(),
        GroupSignalError::Refused { source, .. } => source,
    })
}

fn signal_process(pidfd: &Pidfd, signal: Signal) -> Result<(), io::Error> {
    match send_signal(pidfd, signal) {
        Ok(_alive) => Ok(()),
        Err(SignalError::Refused { source, .. } | SignalError::Wait { source, .. }) => Err(source),
    }
}

/// Logs of a program that never ran.
fn remove(files: &LogFiles) {
    for path in [&files.stdout_path, &files.stderr_path] {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "an unused log stays");
        }
    }
}

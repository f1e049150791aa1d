//! What a program reads from and writes to, opened.

use std::fs::File;
use std::io::{self, Stderr, Stdin, Stdout};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;

use hostledger_model::LogPlace;
use hostledger_process::{LogFiles, ProgramDirectory};

use super::failed::StartFailed;
use super::surroundings::Surroundings;
use crate::port::{LaunchOrder, OutputPlace, StdinSource};

/// The three descriptors of a program, and what the row says of them.
pub(super) struct Outlet {
    stdin: Source,
    output: Sink,
    place: LogPlace,
}

enum Source {
    Null(File),
    Ours(Stdin),
    Given(Arc<OwnedFd>),
}

enum Sink {
    Files(LogFiles),
    Ours(Stdout, Stderr),
    Given(Arc<OwnedFd>, Arc<OwnedFd>),
}

impl Outlet {
    pub(super) fn open(
        order: &LaunchOrder,
        surroundings: &mut Surroundings,
    ) -> Result<Self, StartFailed> {
        let (output, place) = match &order.output {
            OutputPlace::Files(place) => {
                let files = match &place.recorded {
                    LogPlace::Directory { path } => {
                        ProgramDirectory::create(&order.working_directory, path)
                            .and_then(|directory| directory.append())
                            .map_err(StartFailed::OwnLog)?
                    }
                    _ => surroundings
                        .directory(&place.directory)?
                        .create(&place.stem)?,
                };
                (Sink::Files(files), place.recorded.clone())
            }
            OutputPlace::Terminal => {
                let ours = Sink::Ours(io::stdout(), io::stderr());
                (ours, LogPlace::Terminal)
            }
            OutputPlace::Given { stdout, stderr } => {
                let given = Sink::Given(Arc::clone(stdout), Arc::clone(stderr));
                (given, LogPlace::Piped)
            }
            OutputPlace::MadeTerminal {
                terminal, place, ..
            } => {
                let given = Sink::Given(Arc::clone(terminal), Arc::clone(terminal));
                (given, place.recorded.clone())
            }
        };
        let stdin = match (&order.output, &order.stdin) {
            (OutputPlace::MadeTerminal { terminal, .. }, _) => Source::Given(Arc::clone(terminal)),
            (_, StdinSource::Null) => Source::Null(surroundings.null().map_err(StartFailed::Null)?),
            (_, StdinSource::Inherit) => Source::Ours(io::stdin()),
            (_, StdinSource::Given(fd)) => Source::Given(Arc::clone(fd)),
        };
        Ok(Self {
            stdin,
            output,
            place,
        })
    }

    pub(super) fn stdio(&self) -> [BorrowedFd<'_>; 3] {
        let stdin = match &self.stdin {
            Source::Null(file) => file.as_fd(),
            Source::Ours(stdin) => stdin.as_fd(),
            Source::Given(fd) => fd.as_fd(),
        };
        let [stdout, stderr] = match &self.output {
            Sink::Files(files) => files.descriptors(),
            Sink::Ours(stdout, stderr) => [stdout.as_fd(), stderr.as_fd()],
            Sink::Given(stdout, stderr) => [stdout.as_fd(), stderr.as_fd()],
        };
        [stdin, stdout, stderr]
    }

    /// Whether the output goes into log files of ours.
    pub(super) fn is_logged(&self) -> bool {
        matches!(self.output, Sink::Files(_))
    }

    /// How much was in the logs of stdout and stderr before.
    pub(super) fn begins(&self) -> [u64; 2] {
        match &self.output {
            Sink::Files(files) => [files.stdout_begin, files.stderr_begin],
            Sink::Ours(..) | Sink::Given(..) => [0; 2],
        }
    }

    /// What the row says of the place.
    pub(super) fn place(&self) -> LogPlace {
        self.place.clone()
    }

    /// Takes back the logs of a program that never ran.
    pub(super) fn discard(&self) {
        let Sink::Files(files) = &self.output else {
            return;
        };
        // Others have written there before.
        if files.appended {
            return;
        }
        for path in [&files.stdout_path, &files.stderr_path] {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "an unused log stays");
            }
        }
    }
}

//! Where the output of a process is, and what of it goes into its row.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hostledger_lifecycle::process::Output;
use hostledger_model::{LogPlace, Process, ProcessType};
use hostledger_process::{
    Captured, DEFAULT_CAPTURE_LIMIT, LogDirectory, LogError, LogPart, LogPlacement, Stream,
    capture, log_file_name,
};

use crate::moment::wait_for;
use crate::port::{LaunchOrder, OutputPlace};

/// Directory and stem of the logs of a process; none when nothing is kept in files.
///
/// The stem is empty where the files are named after the streams alone.
#[must_use]
pub fn log_files(data_dir: &Path, process: &Process) -> Option<(PathBuf, String)> {
    files_of(data_dir, process, process.log.as_ref()?)
}

/// The same for a place that the row does not tell of yet.
#[must_use]
pub fn files_of(data_dir: &Path, process: &Process, place: &LogPlace) -> Option<(PathBuf, String)> {
    match place {
        LogPlace::Terminal | LogPlace::Piped => None,
        LogPlace::Files { stem } | LogPlace::Merged { stem } => {
            let path = data_dir.join(stem);
            let name = path.file_name()?.to_str()?.to_owned();
            Some((path.parent()?.to_owned(), name))
        }
        LogPlace::Directory { path } => {
            let working_directory = Path::new(OsStr::from_bytes(process.working_directory()));
            Some((working_directory.join(path), String::new()))
        }
    }
}

/// The log of a program, to take a part of into its row.
#[derive(Debug, Clone)]
pub(crate) enum LogOf {
    /// Nothing is kept.
    Nothing,
    /// Both streams, in files of a directory; see [`log_file_name`](hostledger_process::log_file_name).
    Files {
        directory: PathBuf,
        stem: String,
        /// How much others have written there before.
        begins: [u64; 2],
    },
    /// One stream, of a terminal made for the program.
    Merged {
        directory: PathBuf,
        stem: String,
        /// Whether all of it is in the file, as far as that is known.
        written: Option<Arc<AtomicBool>>,
    },
}

/// How long whoever passes a terminal's output on may take for the last of it.
const UNTIL_WRITTEN: Duration = Duration::from_millis(500);

impl LogOf {
    /// The log of a program that is to be started.
    pub(crate) fn order(order: &LaunchOrder, begins: [u64; 2]) -> Self {
        match &order.output {
            OutputPlace::Files(place) => Self::Files {
                directory: place.directory.clone(),
                stem: place.stem.clone(),
                begins,
            },
            OutputPlace::MadeTerminal { place, written, .. } => Self::Merged {
                directory: place.directory.clone(),
                stem: place.stem.clone(),
                written: Some(Arc::clone(written)),
            },
            OutputPlace::Terminal | OutputPlace::Given { .. } => Self::Nothing,
        }
    }

    /// The log of a recorded program.
    pub(crate) fn recorded(data_dir: &Path, process: &Process) -> Self {
        let Some((directory, stem)) = log_files(data_dir, process) else {
            return Self::Nothing;
        };
        match process.log {
            Some(LogPlace::Merged { .. }) => Self::Merged {
                directory,
                stem,
                written: None,
            },
            // Where others have written before is not known any more.
            _ => Self::Files {
                directory,
                stem,
                begins: [0; 2],
            },
        }
    }

    /// A bounded part of it; the oldest `dropped` bytes of each stream are gone, and those that
    /// are known to be `empty` are not looked at.
    ///
    /// A log that cannot be read leaves its part empty: an end is recorded with what there is.
    pub(crate) fn read(&self, dropped: [u64; 2], empty: [bool; 2]) -> Output {
        let part = |stream: usize, from| LogPart {
            from,
            dropped: dropped[stream],
        };
        let (stdout, stderr) = match self {
            Self::Nothing => (None, None),
            Self::Files {
                directory,
                stem,
                begins,
            } => {
                let read = |index, stream| match empty[index] {
                    true => Some(Captured::default()),
                    false => captured(directory, stem, stream, part(index, begins[index])),
                };
                (read(0, Stream::Stdout), read(1, Stream::Stderr))
            }
            Self::Merged {
                directory,
                stem,
                written,
            } => {
                wait_for(UNTIL_WRITTEN, || {
                    let done = written.as_ref().is_none_or(|it| it.load(Ordering::Acquire));
                    done.then_some(())
                });
                (captured(directory, stem, Stream::Stdout, part(0, 0)), None)
            }
        };
        let total = |captured: &Option<Captured>| captured.as_ref().map(|it| it.total_bytes);
        // Where a log cannot be made shorter, what went is a hole that the file itself tells of.
        let gone = |captured: &Option<Captured>, counted: u64| {
            let removed = captured.as_ref().map_or(counted, |it| it.removed_bytes);
            (removed > 0).then_some(removed)
        };
        Output {
            stdout_bytes: total(&stdout),
            stderr_bytes: total(&stderr),
            stdout_dropped: gone(&stdout, dropped[0]),
            stderr_dropped: gone(&stderr, dropped[1]),
            stdout: stdout.map(|it| it.text).unwrap_or_default(),
            stderr: stderr.map(|it| it.text).unwrap_or_default(),
        }
    }
}

fn captured(directory: &Path, stem: &str, stream: Stream, part: LogPart) -> Option<Captured> {
    let file = LogDirectory::open(directory).and_then(|it| it.read(stem, stream));
    let captured = file
        .map_err(CaptureError::Log)
        .and_then(|file| Ok(capture(&file, DEFAULT_CAPTURE_LIMIT, part)?));
    captured
        .inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, stem, %stream, "output was not captured");
        })
        .ok()
}

#[derive(Debug, thiserror::Error)]
enum CaptureError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("cannot read the log")]
    Read(#[from] io::Error),
}

/// Where the logs of a process belong that keeps any: in the directory of its script when it is
/// a hook, in its working directory when it asks for that, else with all others in the ledger's
/// directory.
#[must_use]
pub fn place(process: &Process) -> LogPlace {
    // One that asks for the directory of all logs gets that: its own is somebody else's now.
    let is_elsewhere = process.launch.log_directory.as_deref() == Some(SHARED);
    let is_hook = process.process_type == ProcessType::Hook && !is_elsewhere;
    match LogPlacement::of(is_hook, &process.command(), process.launch.log_in_pwd) {
        LogPlacement::Program { path } => LogPlace::Directory { path },
        LogPlacement::Ledger => LogPlace::Files {
            stem: shared_stem(process),
        },
    }
}

/// Where the output of a program goes that has a terminal made for it.
#[must_use]
pub fn merged_place(process: &Process) -> LogPlace {
    LogPlace::Merged {
        stem: shared_stem(process),
    }
}

/// Where the output of a process goes whose start nobody has written down: by what there is.
pub(crate) fn found(data_dir: &Path, process: &Process) -> LogPlace {
    let planned = place(process);
    let stem = shared_stem(process);
    let exists = |stream| data_dir.join(log_file_name(&stem, stream)).exists();
    match planned {
        LogPlace::Files { .. } if !exists(Stream::Stdout) => LogPlace::Piped,
        LogPlace::Files { .. } if !exists(Stream::Stderr) => LogPlace::Merged { stem },
        planned => planned,
    }
}

/// Directory and name of a stem that is where we put them: directly in the directory of all logs,
/// or below that of the machines.
pub(crate) fn own_stem(stem: &str) -> Option<(&str, &str)> {
    let (directory, name) = stem.rsplit_once('/')?;
    let is_name = |part: &str| !matches!(part, "" | "." | "..");
    let of_machine = directory
        .split_once('/')
        .is_some_and(|(first, rest)| first == MACHINES && rest.split('/').all(is_name));
    (is_name(name) && (directory == SHARED || of_machine)).then_some((directory, name))
}

/// `processes/<id>.<attempt>`, or the same in the directory that the process asks for.
fn shared_stem(process: &Process) -> String {
    let directory = process.launch.log_directory.as_deref().unwrap_or(SHARED);
    format!("{directory}/{}.{}", process.id.simple(), process.attempt)
}

/// The directory of all logs that have no other place.
pub const SHARED: &str = "processes";
const MACHINES: &str = "machines";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_among_the_logs_is_ours() {
        assert_eq!(own_stem("processes/x.1"), Some(("processes", "x.1")));
        let of_binary = own_stem("machines/a/binaries/b/c/pip/x.1");
        assert_eq!(of_binary, Some(("machines/a/binaries/b/c/pip", "x.1")));
        for stem in [
            "processes/",
            "processes",
            "/logs/x.1",
            "processes/../ledger",
            "processes/a/b",
            "elsewhere/x.1",
            "processesx.1",
            "machines/x.1",
            "machines/../a/x.1",
            "machines//x.1",
        ] {
            assert_eq!(own_stem(stem), None, "{stem}");
        }
    }
}

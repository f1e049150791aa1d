//! Where the output of a process is, and what of it goes into its row.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use hostledger_lifecycle::process::Output;
use hostledger_model::{LogPlace, Process};
use hostledger_process::{
    Captured, DEFAULT_CAPTURE_LIMIT, LogDirectory, LogError, LogPart, Stream, capture,
};

/// Directory and stem of the logs of a process; none when nothing is kept in files.
///
/// The stem is empty where the files are named after the streams alone.
#[must_use]
pub fn log_files(data_dir: &Path, process: &Process) -> Option<(PathBuf, String)> {
    match process.log.as_ref()? {
        LogPlace::Terminal => None,
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

/// A bounded part of what a process has written until now, and how much it was.
///
/// A log that cannot be read leaves its part empty: an end is recorded with what there is.
#[must_use]
pub fn read_output(data_dir: &Path, process: &Process) -> Output {
    log_files(data_dir, process)
        .map(|(directory, stem)| read(&directory, &stem))
        .unwrap_or_default()
}

pub(crate) fn read(directory: &Path, stem: &str) -> Output {
    let part = |stream| match capture_log(directory, stem, stream) {
        Ok(captured) => (captured.text, Some(captured.total_bytes)),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, stem, %stream, "output was not captured");
            (String::new(), None)
        }
    };
    let (stdout, stdout_bytes) = part(Stream::Stdout);
    let (stderr, stderr_bytes) = part(Stream::Stderr);
    Output {
        stdout,
        stderr,
        stdout_bytes,
        stderr_bytes,
        ..Output::default()
    }
}

#[derive(Debug, thiserror::Error)]
enum CaptureError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("cannot read the log")]
    Read(#[from] io::Error),
}

fn capture_log(directory: &Path, stem: &str, stream: Stream) -> Result<Captured, CaptureError> {
    let file = LogDirectory::open(directory)?.read(stem, stream)?;
    Ok(capture(&file, DEFAULT_CAPTURE_LIMIT, LogPart::default())?)
}

//! Where the output of a process is, and what of it goes into its row.

use std::io;
use std::path::{Path, PathBuf};

use hostledger_lifecycle::process::Output;
use hostledger_model::LogPlace;
use hostledger_process::{
    Captured, DEFAULT_CAPTURE_LIMIT, LogDirectory, LogError, Stream, capture,
};

/// Directory and stem of a log; none when nothing is kept in files.
#[must_use]
pub fn log_files(data_dir: &Path, place: Option<&LogPlace>) -> Option<(PathBuf, String)> {
    let Some(LogPlace::Files { stem }) = place else {
        return None;
    };
    let path = data_dir.join(stem);
    let name = path.file_name()?.to_str()?.to_owned();
    Some((path.parent()?.to_owned(), name))
}

/// A bounded part of what a process has written until now, and how much it was.
///
/// A log that cannot be read leaves its part empty: an end is recorded with what there is.
#[must_use]
pub fn read_output(data_dir: &Path, place: Option<&LogPlace>) -> Output {
    log_files(data_dir, place)
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
    Ok(capture(&file, DEFAULT_CAPTURE_LIMIT)?)
}

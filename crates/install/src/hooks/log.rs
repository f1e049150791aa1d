//! The log of a hook, which holds what earlier runs have printed as well.

use std::fs::{self, File};
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::Path;

use hostledger_model::Process;
use rustix::io::Errno;

use super::{Hook, HookOutput};

/// Where the logs of hooks are in their working directory, each in a directory of its name.
const LOGS: &str = ".hooks";
const STDOUT: &str = "stdout.log";

/// What there was of a hook's log before a run of it.
#[derive(Debug, Clone, Copy)]
pub struct LogBegin(u64);

impl LogBegin {
    /// To be asked before the hook is started in this working directory.
    #[must_use]
    pub fn now(directory: &Path, hook: &Hook) -> Self {
        let log = directory.join(LOGS).join(&hook.name).join(STDOUT);
        Self(fs::symlink_metadata(log).map_or(0, |found| found.len()))
    }

    /// The records of the run, which has ended as `process` says, in its log.
    ///
    /// # Errors
    /// The log cannot be read from there on.
    pub fn records(
        self,
        mut log: File,
        process: &Process,
    ) -> io::Result<HookOutput<BufReader<File>>> {
        // Of a log that has a bound the front is cut off, or a hole.
        let begin = self
            .0
            .saturating_sub(process.stdout_dropped.unwrap_or_default());
        match rustix::fs::seek(&log, rustix::fs::SeekFrom::Data(begin)) {
            Ok(_) => {}
            // There is no data from there on.
            Err(Errno::NXIO) => drop(log.seek(SeekFrom::End(0))?),
            // A file system that knows no holes.
            Err(_) => drop(log.seek(SeekFrom::Start(begin))?),
        }
        Ok(HookOutput::new(BufReader::new(log)))
    }
}

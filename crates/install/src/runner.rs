//! Who runs programs for providers.

use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

use hostledger_model::{Process, ProcessType};
use serde_json::{Map, Value};

/// How long a provider's program may run, with all that it starts.
pub const PROVIDER_TIMEOUT: Duration = Duration::from_secs(600);

/// Runs programs for providers, each as a recorded process whose parent is whoever asked for the
/// installation.
///
/// Implemented by the layers above; tests bring their own.
pub trait Runner {
    /// Runs a program and waits until its end is written down. Its input is empty, and whatever
    /// it started is ended with it when its time is up.
    ///
    /// How it ended is in the row: a program that does not exist or that failed is no error.
    ///
    /// # Errors
    /// It could not be recorded.
    fn run(&self, order: Order) -> Result<Process, RunError>;

    /// All that a process which was run here has written to its output, of which its row has a
    /// bounded part; none when the log is not there any more.
    ///
    /// # Errors
    /// The log cannot be opened.
    fn open_stdout(&self, process: &Process) -> Result<Option<File>, RunError>;

    /// Becomes readable when nothing more is to be waited for or begun, if it ever does.
    fn interruption(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// How long the provider has left.
    fn time_left(&self) -> Duration {
        PROVIDER_TIMEOUT
    }

    /// Ends what others who are dead have left running for this provider, for one that must not
    /// run twice in one place.
    ///
    /// # Errors
    /// It cannot be found or ended.
    fn end_orphans(&self, _provider: &str) -> Result<(), RunError> {
        Ok(())
    }
}

/// A program to be run for a provider.
#[derive(Debug, Clone)]
pub struct Order {
    /// Program and arguments; no shell is involved.
    pub command: Vec<OsString>,
    /// Variables in addition to the launcher's: text as it is, lists and objects as JSON, null
    /// not at all.
    pub env: Map<String, Value>,
    /// More of them, whose values are to be in no record.
    pub secret_env: Map<String, Value>,
    /// Where it runs; made when it is missing.
    pub working_directory: PathBuf,
    /// Where its logs go; made when it is missing. A hook keeps them below its working directory
    /// instead.
    pub log_directory: PathBuf,
    /// How long it may run, with all that it starts.
    pub timeout: Duration,
    /// `binary`, or `hook`.
    pub process_type: ProcessType,
    /// A name for people, such as `install black: pip`.
    pub name: String,
}

/// A provider's program could not be run and recorded.
#[derive(Debug, thiserror::Error)]
#[error("a provider's program could not be run and recorded")]
pub struct RunError(#[source] pub Box<dyn Error + Send + Sync>);

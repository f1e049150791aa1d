//! The output of processes.

use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;

use hostledger_engine::logs::log_files;
use hostledger_model::Process;
use hostledger_process::{LogDirectory, LogError, Stream, log_file_name};

use crate::{Ledger, LedgerError};

/// What there is of one output stream of a process.
#[derive(Debug)]
pub enum Output {
    /// Its log: everything that was written until now, byte for byte.
    Log(File),
    /// There is no log, or no longer: the bounded part that the row keeps.
    Captured(String),
}

impl Ledger {
    /// What there is of one output stream of a process: its log, else what its row keeps.
    ///
    /// # Errors
    /// Nothing was kept as it wrote to a terminal, or the log is there and cannot be opened.
    pub fn output(&self, process: &Process, stream: Stream) -> Result<Output, LedgerError> {
        let captured = match stream {
            Stream::Stdout => &process.stdout,
            Stream::Stderr => &process.stderr,
        };
        if process.log.is_none() {
            return Ok(Output::Captured(captured.clone()));
        }
        match self.open_log(process, stream) {
            Ok(log) => Ok(Output::Log(log)),
            Err(LedgerError::Log(
                LogError::Directory { source, .. } | LogError::Read { source, .. },
            )) if source.kind() == ErrorKind::NotFound => Ok(Output::Captured(captured.clone())),
            Err(error) => Err(error),
        }
    }

    /// Opens the log of one stream of a process to read it.
    ///
    /// # Errors
    /// Nothing is kept of its output, or the log cannot be opened.
    pub fn open_log(&self, process: &Process, stream: Stream) -> Result<File, LedgerError> {
        let (directory, stem) = self.log_place(process)?;
        Ok(LogDirectory::open(&directory)?.read(&stem, stream)?)
    }

    /// Where the log of one stream of a process is, or would be.
    ///
    /// # Errors
    /// Nothing is kept of its output.
    pub fn log_path(&self, process: &Process, stream: Stream) -> Result<PathBuf, LedgerError> {
        let (directory, stem) = self.log_place(process)?;
        Ok(directory.join(log_file_name(&stem, stream)))
    }

    fn log_place(&self, process: &Process) -> Result<(PathBuf, String), LedgerError> {
        let id = process.id;
        let data_dir = self.data_dir().unwrap_or(std::path::Path::new("/"));
        log_files(data_dir, process).ok_or(LedgerError::NoLog { id })
    }
}

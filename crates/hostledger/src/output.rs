//! The output of processes.

use std::fs::File;
use std::path::PathBuf;

use hostledger_engine::logs::log_files;
use hostledger_model::{LogPlace, Process};
use hostledger_process::{LogDirectory, Stream};

use crate::{Ledger, LedgerError};

impl Ledger {
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
        Ok(directory.join(format!("{stem}.{stream}.log")))
    }

    fn log_place(&self, process: &Process) -> Result<(PathBuf, String), LedgerError> {
        let id = process.id;
        if process.log == Some(LogPlace::Terminal) {
            return Err(LedgerError::NoLog { id });
        }
        let data_dir = self.data_dir().unwrap_or(std::path::Path::new("/"));
        log_files(data_dir, process.log.as_ref()).ok_or(LedgerError::NoLog { id })
    }
}

//! The output of processes.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use hostledger_engine::logs::log_files;
use hostledger_model::{Process, environment_variables};
use hostledger_process::{
    Begin, Followed, LogDirectory, LogError, LogName, RelayError, ScriptOf, Stream, follow,
    log_file_name, script,
};
use rustix::event::{EventfdFlags, eventfd};

use crate::running::ended_fd;
use crate::{Ledger, LedgerError, Relayed};

/// What there is of one output stream of a process.
#[derive(Debug)]
pub enum Output {
    /// Its log: everything that was written until now, byte for byte.
    Log(File),
    /// There is no log, or no longer: the bounded part that the row keeps.
    Captured(String),
}

/// How long a log is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// What is there now.
    Now,
    /// Until the process has ended and all that it had written by then is passed on.
    Ended,
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

    /// Passes logs of a process on, byte for byte, each to its descriptor: what is there from
    /// `begin` on, and what comes until then. What a log has lost, having a bound, is passed over;
    /// one that is truncated or replaced meanwhile is followed on.
    ///
    /// # Errors
    /// Nothing is kept of its output, or a log cannot be read, or passed on for another reason
    /// than that nobody reads.
    pub fn pass_on(
        &self,
        process: &Process,
        streams: &[(Stream, BorrowedFd<'_>)],
        begin: Begin,
        until: Until,
    ) -> Result<Relayed, LedgerError> {
        let (directory, stem) = self.log_place(process)?;
        let directory = LogDirectory::open(&directory)?;
        let open = |&(stream, _): &(Stream, BorrowedFd<'_>)| {
            let log = directory.read(&stem, stream)?;
            Ok((log, directory.name_of(&stem, stream)?))
        };
        let logs: Vec<(File, LogName)> =
            streams.iter().map(open).collect::<Result<_, LogError>>()?;
        let followed: Vec<Followed<'_>> = logs
            .iter()
            .zip(streams)
            .map(|((log, name), (_, out))| Followed {
                begin,
                name: Some(name),
                ..Followed::new(log, *out)
            })
            .collect();
        let ended = match until {
            Until::Ended => ended_fd(process)?,
            Until::Now => eventfd(1, EventfdFlags::CLOEXEC)
                .map_err(|errno| LedgerError::Descriptors(errno.into()))?,
        };
        match follow(&followed, &ended) {
            Ok(_) => Ok(Relayed::All),
            Err(RelayError::ReaderGone { .. }) => Ok(Relayed::ReaderGone),
            Err(error) => Err(error.into()),
        }
    }

    /// A shell script that runs the command of a process again, from any shell and directory. It
    /// holds no secret: it asks for each in a variable of its name.
    #[must_use]
    pub fn script(&self, process: &Process) -> Vec<u8> {
        script(&ScriptOf {
            id: process.id,
            command: &process.command(),
            directory: process.working_directory(),
            variables: &environment_variables(&process.env),
            secrets: &process.secret_env,
            launch: &process.launch,
        })
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

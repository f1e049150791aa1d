//! The output of processes.

use std::fs::File;
use std::io::{ErrorKind, pipe};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::thread;

use hostledger_engine::logs::log_files;
use hostledger_engine::script_of;
use hostledger_model::{LogPlace, Process, ProcessId};
use hostledger_process::{
    Begin, Followed, LogDirectory, LogError, LogName, RelayError, Stream, follow, log_file_name,
};
use rustix::event::{EventfdFlags, eventfd};

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
    /// one that is truncated or replaced meanwhile is followed on. It ends as soon as nobody reads.
    ///
    /// # Errors
    /// Nothing is kept of its output, its end cannot be waited for from here, or a log cannot be
    /// read, or passed on for another reason than that nobody reads.
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
                ends_with_reader: true,
                ..Followed::new(log, *out)
            })
            .collect();
        match follow(&followed, self.end_of(process, until)?) {
            Ok(_) => Ok(Relayed::All),
            Err(RelayError::ReaderGone { .. }) => Ok(Relayed::ReaderGone),
            Err(error) => Err(error.into()),
        }
    }

    /// A descriptor that is readable when nothing more is to be passed on.
    fn end_of(&self, process: &Process, until: Until) -> Result<OwnedFd, LedgerError> {
        let held = match (until, &process.log) {
            (Until::Now, _) => None,
            // What a terminal shows is written by whoever passes it on, before the end is.
            (Until::Ended, Some(LogPlace::Merged { .. })) => {
                return self.end_written_down(process.id);
            }
            (Until::Ended, _) => self.bystander()?.hold(process)?,
        };
        match held {
            Some(pidfd) => pidfd.as_fd().try_clone_to_owned(),
            None => eventfd(1, EventfdFlags::CLOEXEC).map_err(Into::into),
        }
        .map_err(LedgerError::Descriptors)
    }

    /// The thread that waits goes with the program, when nobody waits for it any more.
    fn end_written_down(&self, id: ProcessId) -> Result<OwnedFd, LedgerError> {
        let (ended, end) = pipe().map_err(LedgerError::Descriptors)?;
        let bystander = self.bystander()?;
        let wait = move || {
            if let Err(error) = bystander.wait(id, None) {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, %id, "its end cannot be waited for");
            }
            drop(end);
        };
        thread::Builder::new()
            .name("hostledger-wait".to_owned())
            .spawn(wait)
            .map_err(LedgerError::Thread)?;
        Ok(ended.into())
    }

    /// A shell script that runs the command of a process again, from any shell and directory. It
    /// holds no secret: it asks for each in a variable of its name.
    #[must_use]
    pub fn script(&self, process: &Process) -> Vec<u8> {
        script_of(process)
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
        let data_dir = match self.data_dir() {
            Some(data_dir) => self.log_home(process).unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, %id, "its log is looked for here alone");
                data_dir.to_owned()
            }),
            None => PathBuf::from("/"),
        };
        log_files(&data_dir, process).ok_or(LedgerError::NoLog { id })
    }

    /// The data directory that it is in, of those that share the ledger.
    fn log_home(&self, process: &Process) -> Result<PathBuf, LedgerError> {
        Ok(self.bystander()?.log_home(process)?)
    }
}

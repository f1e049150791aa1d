//! A terminal made for a program, between it and ours.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hostledger_engine::port::LogFilesPlace;
use hostledger_process::{LogDirectory, Pty, PtyError, PtyMaster};

use crate::running::ended_fd;
use crate::{LedgerError, Relayed, Running};

/// Our side of a terminal made for a program, and the log of what it shows.
pub(crate) struct MadeTerminal {
    master: PtyMaster,
    log: File,
    written: Arc<AtomicBool>,
}

impl MadeTerminal {
    /// Makes a terminal as large as ours, and gives the program's side of it.
    pub(crate) fn open(place: &LogFilesPlace) -> Result<(OwnedFd, Self), LedgerError> {
        let Pty { terminal, master } = Pty::open(io::stdin())?;
        let files = LogDirectory::open(&place.directory)?.create(&place.stem)?;
        // A terminal has one stream.
        let path = &files.stderr_path;
        fs::remove_file(path).map_err(|source| LedgerError::UnusedLog {
            path: path.clone(),
            source,
        })?;
        let [stdout, _] = files.descriptors();
        let log = stdout
            .try_clone_to_owned()
            .map_err(LedgerError::Descriptors)?;
        let made = Self {
            master,
            log: log.into(),
            written: Arc::default(),
        };
        Ok((terminal, made))
    }

    /// Set when all that was shown is in the log.
    pub(crate) fn written(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.written)
    }

    fn relay(&self, ended: impl AsFd) -> Result<Relayed, LedgerError> {
        let relayed = self
            .master
            .relay(io::stdin(), io::stdout(), &self.log, ended);
        self.written.store(true, Ordering::Release);
        match relayed {
            Ok(_bytes) => Ok(Relayed::All),
            Err(PtyError::ReaderGone { .. }) => Ok(Relayed::ReaderGone),
            Err(error) => Err(error.into()),
        }
    }
}

impl Running {
    /// Passes on what is typed into our terminal and what the program shows, until it has ended;
    /// what it shows is kept. For a program that was launched with
    /// [`recorded_terminal`](crate::CommandBuilder::recorded_terminal). Our terminal is as it was
    /// when this returns.
    ///
    /// # Errors
    /// It was launched otherwise, or a terminal cannot be used.
    pub fn relay_terminal(&self) -> Result<Relayed, LedgerError> {
        let terminal = self.made_terminal();
        let terminal = terminal.ok_or(LedgerError::NoLog { id: self.id() })?;
        let process = self.process()?;
        if process.started_at.is_none() {
            return Ok(Relayed::All);
        }
        let relayed = terminal.relay(ended_fd(&process)?)?;
        if relayed == Relayed::ReaderGone {
            self.stop_as_nobody_reads();
        }
        Ok(relayed)
    }
}

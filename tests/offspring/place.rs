//! The directory that all processes of one test share.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::io::{FdFlags, fcntl_setfd};

/// A place that this process is counted in as long as it lives.
pub(crate) struct Place {
    path: PathBuf,
    /// Locked, and handed down to children until one of them closes it.
    _alive: File,
}

impl Place {
    /// Takes the lock that says that we live.
    pub(crate) fn enter(path: &str) -> Self {
        let path = PathBuf::from(path);
        let alive = File::open(path.join("alive")).unwrap();
        alive.lock_shared().unwrap();
        fcntl_setfd(&alive, FdFlags::empty()).unwrap();
        Self {
            path,
            _alive: alive,
        }
    }

    /// Says that we are there, and stays until nobody looks after us any more.
    pub(crate) fn stay(&self) {
        // Opening for reading alone would wait for a writer, who may have gone for good.
        let hold = open(self.path.join("hold"), OFlags::NONBLOCK, Mode::empty());
        let mut hold = File::from(hold.unwrap());
        append(&self.path.join("there"), "here\n");
        if hold.read(&mut [0]).is_ok() {
            return;
        }
        fcntl_setfl(&hold, OFlags::empty()).unwrap();
        hold.read_to_end(&mut Vec::new()).unwrap();
    }

    /// This program again, in the same place.
    pub(crate) fn again(&self, role: &str) -> Command {
        let mut command = command(std::env::current_exe().unwrap());
        command.arg(&self.path).arg(role);
        command
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A program to be started as it is.
#[expect(
    clippy::disallowed_methods,
    reason = "these are the programs that the ledger has to find by itself"
)]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// Appends to a file in one piece, also when others do at the same time.
pub(crate) fn append(file: &Path, text: &str) {
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(file)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

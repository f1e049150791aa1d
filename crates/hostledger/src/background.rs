//! This program once more, in the background.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, pipe};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use hostledger_process::{LaunchSpec, Output, PidSpace, Pidfd};
use rustix::io::retry_on_intr;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};

use crate::LedgerError;

/// What was started by [`again_in_background`].
#[derive(Debug)]
pub struct Background {
    /// What it writes to its standard output, until it gives that up.
    pub stdout: PipeReader,
    pidfd: Pidfd,
}

/// Starts this program once more with other arguments, unrecorded, in a session of its own. It has
/// our environment, directory and standard error, no input, and no other descriptor of ours.
///
/// # Errors
/// It cannot be executed.
pub fn again_in_background(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Background, LedgerError> {
    let null = File::open("/dev/null").map_err(LedgerError::Descriptors)?;
    let (stdout, its) = pipe().map_err(LedgerError::Descriptors)?;
    let command = [own_image().into()].into_iter().chain(arguments).collect();
    let directory = env::current_dir().map_err(LedgerError::CurrentDirectory)?;
    let mut spec = LaunchSpec::new(command, directory);
    spec.environment = env::vars_os().collect();
    let stderr = io::stderr();
    let stdio = [null.as_fd(), its.as_fd(), stderr.as_fd()];
    let launch = spec.check()?;
    let launched = launch.start(PidSpace::current()?, Output::Given(stdio));
    let launched = launched.map_err(|error| LedgerError::Background(io::Error::other(error)))?;
    let pidfd = launched.pidfd;
    Ok(Background { stdout, pidfd })
}

/// By the name that people know it by, unless its file was replaced since.
fn own_image() -> PathBuf {
    let file = env::current_exe().ok().filter(|file| file.exists());
    file.unwrap_or_else(|| Path::new("/proc/self/exe").to_owned())
}

impl Background {
    /// Waits for its end; its exit code, or 128 + the signal that ended it.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn wait(self) -> Result<i32, LedgerError> {
        let wait = || waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED);
        let ended = retry_on_intr(wait).map_err(|errno| LedgerError::Background(errno.into()))?;
        let signalled = |it: &WaitIdStatus| it.terminating_signal().map(|signal| 128 + signal);
        let code = |it: WaitIdStatus| it.exit_status().or_else(|| signalled(&it));
        // Only WNOHANG leaves it open how it has ended.
        Ok(ended.and_then(code).unwrap_or_default())
    }
}

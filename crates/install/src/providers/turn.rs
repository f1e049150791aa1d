//! One at a time: package managers that would trip over one another in a directory.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use hostledger_sys::FileLock;

use crate::{PROVIDER_TIMEOUT, Unsuccessful};

/// How often a lock is asked for that somebody else has: there is no waiting for it with a limit.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Waits until nobody else installs into a directory, which is made; for as long as the answer
/// lives, nobody does.
pub(super) fn wait_for_turn(directory: &Path) -> Result<FileLock, Unsuccessful> {
    let failed = |error: io::Error| {
        Unsuccessful::failed(format!("cannot lock {}: {error}", directory.display()))
    };
    fs::create_dir_all(directory).map_err(failed)?;
    let deadline = Instant::now() + PROVIDER_TIMEOUT;
    loop {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.join(".lock"));
        if let Some(lock) = FileLock::try_acquire(file.map_err(failed)?).map_err(failed)? {
            return Ok(lock);
        }
        if Instant::now() > deadline {
            let reason = format!("somebody else is installing into {}", directory.display());
            return Err(Unsuccessful::failed(reason));
        }
        thread::sleep(LOOK_AGAIN);
    }
}

//! One at a time: package managers that would trip over one another in a directory.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use hostledger_sys::FileLock;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, write};

use crate::{Runner, Unsuccessful};

/// Waits until nobody else holds the lock of a directory, which is made; for as long as the answer
/// lives, nobody does. What a dead holder has left running is ended first.
pub(super) fn wait_for_turn(
    provider: &str,
    lock: &Path,
    runner: &dyn Runner,
) -> Result<FileLock, Unsuccessful> {
    let failed =
        |error: io::Error| Unsuccessful::failed(format!("cannot lock {}: {error}", lock.display()));
    fs::create_dir_all(lock.parent().unwrap_or(lock)).map_err(failed)?;
    let file = open(lock).map_err(failed)?;
    let ours = match FileLock::try_acquire(file).map_err(failed)? {
        Some(ours) => ours,
        None => wait(lock, runner)?,
    };
    runner.end_orphans(provider)?;
    Ok(ours)
}

fn open(lock: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false).open(lock)
}

/// A thread waits, as the kernel has no waiting for a lock that something else can end. When we
/// have given up, it lets go of the lock as soon as it has it.
fn wait(lock: &Path, runner: &dyn Runner) -> Result<FileLock, Unsuccessful> {
    let failed =
        |error: io::Error| Unsuccessful::failed(format!("cannot lock {}: {error}", lock.display()));
    let begun = begin_to_wait(lock).map_err(failed)?;
    let deadline = Instant::now() + runner.time_left();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match wait_once(&begun.told, runner, left) {
            Happened::Answer => {
                return match begun.answer.recv() {
                    Ok(answer) => answer.map_err(failed),
                    Err(_) => Err(failed(io::ErrorKind::BrokenPipe.into())),
                };
            }
            Happened::Interruption => return Err(Unsuccessful::failed("it was interrupted")),
            Happened::Nothing if left.is_zero() => {
                let who = format!("somebody else holds {} all the time", lock.display());
                return Err(Unsuccessful::failed(who));
            }
            Happened::Nothing => {}
        }
    }
}

struct Waiting {
    /// Readable when there is an answer.
    told: Arc<OwnedFd>,
    answer: Receiver<io::Result<FileLock>>,
}

fn begin_to_wait(lock: &Path) -> io::Result<Waiting> {
    let told = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
    let (sender, answer) = channel();
    let (file, bell) = (open(lock)?, Arc::clone(&told));
    thread::Builder::new()
        .name("hostledger-turn".to_owned())
        .spawn(move || {
            if let Err(given_up) = sender.send(FileLock::acquire(file)) {
                drop(given_up);
            }
            if let Err(errno) = write(&*bell, &1u64.to_ne_bytes()) {
                tracing::error!(%errno, "who waits for a turn was not told");
            }
        })?;
    Ok(Waiting { told, answer })
}

enum Happened {
    Answer,
    Interruption,
    Nothing,
}

fn wait_once(told: &OwnedFd, runner: &dyn Runner, left: Duration) -> Happened {
    let mut fds = vec![PollFd::from_borrowed_fd(told.as_fd(), PollFlags::IN)];
    let interruption = runner.interruption();
    fds.extend(interruption.map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN)));
    match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => tracing::error!(%errno, "cannot wait for a turn"),
    }
    let is_ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
    if is_ready(1) {
        Happened::Interruption
    } else if is_ready(0) {
        Happened::Answer
    } else {
        Happened::Nothing
    }
}

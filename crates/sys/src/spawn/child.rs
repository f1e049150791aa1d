//! What a child does between its birth and its program.
//!
//! It runs in the parent's memory beside the parent's threads, so everything here is
//! async-signal-safe: system calls only, no allocation, no lock, no panic.

use std::convert::Infallible;
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::{Session, Spawn, SpawnError, Stage};
use crate::signal_mask;
use crate::wait::last_errno;

/// Longer than any `/proc/<pid>/stat`: 52 numbers and a name of at most 64 bytes.
pub(super) const STAT_SIZE: usize = 1536;

/// What the child works from and what it leaves for the parent, in memory both see.
pub(super) struct Child<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) stat: [u8; STAT_SIZE],
    pub(super) stat_length: usize,
    /// Set when the program could not be executed.
    pub(super) failed: Option<SpawnError>,
}

pub(super) struct Plan<'a> {
    /// Without the terminating null.
    pub(super) programs: &'a [*const c_char],
    pub(super) arguments: *const *const c_char,
    pub(super) environment: *const *const c_char,
    pub(super) spawn: Spawn<'a>,
}

impl Child<'_> {
    /// Never returns when it succeeds: the program takes over.
    pub(super) fn become_program(&mut self) -> Option<Infallible> {
        match self.prepare_and_execute() {
            Ok(never) => Some(never),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    fn prepare_and_execute(&mut self) -> Result<Infallible, SpawnError> {
        let at = |stage| move |source| SpawnError { stage, source };
        let spawn = self.plan.spawn;

        reset_signal_actions().map_err(at(Stage::Signals))?;
        if spawn.session == Session::New {
            rustix::process::setsid().map_err(at(Stage::Session))?;
        }
        arrange_stdio(spawn.stdio.map(|fd| fd.as_raw_fd())).map_err(at(Stage::Descriptors))?;
        close_from(3).map_err(at(Stage::Descriptors))?;
        self.stat_length = read_stat(&mut self.stat).map_err(at(Stage::Stat))?;
        rustix::process::chdir(spawn.directory).map_err(at(Stage::Directory))?;
        if let Some(mask) = spawn.umask {
            rustix::process::umask(mask);
        }
        if let Some(nice) = spawn.nice {
            rustix::process::setpriority_process(None, nice).map_err(at(Stage::Nice))?;
        }
        for (resource, limit) in spawn.limits {
            rustix::process::setrlimit(*resource, *limit).map_err(at(Stage::Limit))?;
        }
        signal_mask::clear().map_err(at(Stage::Signals))?;
        Err(SpawnError {
            stage: Stage::Execute,
            source: self.plan.execute(),
        })
    }
}

impl Plan<'_> {
    /// Tries the files in turn; returns only when none could be executed.
    ///
    /// As execvp(3): a file that is not there makes way for the next one; that one may not be
    /// executed is remembered and told if no other can; anything else ends the search.
    fn execute(&self) -> Errno {
        let mut refused = None;
        for program in self.programs {
            // SAFETY: all three are C strings and null-terminated arrays of such, which the
            // suspended parent keeps alive; on success our memory is no longer used.
            unsafe { libc::execve(*program, self.arguments, self.environment) };
            match last_errno() {
                Errno::ACCESS => refused = Some(Errno::ACCESS),
                Errno::NOENT | Errno::NOTDIR | Errno::STALE | Errno::NODEV | Errno::TIMEDOUT => {}
                errno => return errno,
            }
        }
        refused.unwrap_or(Errno::NOENT)
    }
}

/// All to the default: handlers would be reset by the exec, but ignored signals stay ignored.
///
/// The system call is made directly, as the C library refuses the two signals it keeps for
/// itself.
fn reset_signal_actions() -> Result<(), Errno> {
    // The kernel's sigaction on x86_64 and aarch64: handler, flags, restorer, mask. All zero is
    // the default action.
    let default = [0u64; 4];
    for signal in 1..=64 {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        // SAFETY: the new action is as large as the kernel's struct; the old one is not asked for.
        let done = unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null_mut::<u64>(),
                size_of::<u64>(),
            )
        };
        if done != 0 {
            return Err(last_errno());
        }
    }
    Ok(())
}

/// Makes the given descriptors 0, 1 and 2, whatever numbers they have.
fn arrange_stdio(mut sources: [RawFd; 3]) -> Result<(), Errno> {
    // One that lies on another's place is moved out of the way first.
    for (target, source) in (0..).zip(&mut sources) {
        if *source < 3 && *source != target {
            *source = fcntl(*source, libc::F_DUPFD_CLOEXEC, 3)?;
        }
    }
    for (target, source) in (0..).zip(sources) {
        if source == target {
            // dup2 would leave it, and so its close-on-exec flag, alone.
            fcntl(source, libc::F_SETFD, 0)?;
            continue;
        }
        // SAFETY: takes two numbers; the descriptor table is the child's own.
        if unsafe { libc::dup2(source, target) } < 0 {
            return Err(last_errno());
        }
    }
    Ok(())
}

/// Closes every descriptor from `first` on.
fn close_from(first: RawFd) -> Result<(), Errno> {
    // SAFETY: takes numbers; the descriptor table is the child's own.
    if unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } == 0 {
        return Ok(());
    }
    // Every kernel supported has the call (5.9), but a sandbox can refuse it.
    close_listed(first)
}

/// Closes what `/proc/self/fd` lists from `first` on; unlike a loop up to the limit it takes no
/// minutes where the limit is a thousand million.
fn close_listed(first: RawFd) -> Result<(), Errno> {
    const DESCRIPTORS: &CStr = c"/proc/self/fd";
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(DESCRIPTORS, flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut listed = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = listed.next() {
        let Some(fd) = number(entry?.file_name()) else {
            continue;
        };
        if fd >= first && fd != directory.as_raw_fd() {
            // SAFETY: the descriptor table is the child's own, and what is listed is open.
            unsafe { libc::close(fd) };
        }
    }
    Ok(())
}

/// The descriptor an entry stands for; `.` and `..` stand for none.
fn number(name: &CStr) -> Option<RawFd> {
    name.to_bytes().iter().try_fold(0, |number: RawFd, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add_unsigned(digit)
    })
}

/// Reads the child's own `/proc/self/stat`; says how long it is.
fn read_stat(stat: &mut [u8; STAT_SIZE]) -> Result<usize, Errno> {
    const STAT: &CStr = c"/proc/self/stat";
    let file = rustix::fs::open(STAT, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::read(&file, stat)
}

fn fcntl(fd: RawFd, command: c_int, argument: c_int) -> Result<RawFd, Errno> {
    // SAFETY: the commands used here take a number and touch no memory.
    let done = unsafe { libc::fcntl(fd, command, argument) };
    if done >= 0 {
        Ok(done)
    } else {
        Err(last_errno())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_what_is_listed_closes_the_range_and_nothing_below() {
        let high = |least| fcntl(0, libc::F_DUPFD_CLOEXEC, least).unwrap();
        let is_open = |fd| fcntl(fd, libc::F_GETFD, 0).is_ok();
        let kept = high(600);
        let closed: Vec<RawFd> = (0..200).map(|_| high(700)).collect();
        close_listed(700).unwrap();
        assert!(is_open(kept));
        assert!(!closed.into_iter().any(is_open));
        close_listed(600).unwrap();
        assert!(!is_open(kept));
    }
}

//! What a child does between its birth and its program.
//!
//! It runs in the parent's memory beside the parent's threads, or even beside the thread that
//! made it, so everything here is a plain system call: no allocation, no lock, no panic, and no
//! function of the C library, as those write the parent's errno.

use std::convert::Infallible;
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::limit::{self, Limit};
use super::{Session, SpawnError, Stage};
use crate::signal_mask;
use crate::syscall::syscall;

/// Longer than any `/proc/<pid>/stat`: 52 numbers and a name of at most 64 bytes.
pub(super) const STAT_SIZE: usize = 1536;

/// What the child works from, in memory that outlives its use of it.
pub(super) struct Plan<'a> {
    /// Without the terminating null.
    pub(super) programs: &'a [*const c_char],
    pub(super) arguments: *const *const c_char,
    pub(super) environment: *const *const c_char,
    pub(super) directory: &'a CStr,
    pub(super) stdio: [RawFd; 3],
    /// Kept until the exec, which closes it; all others above 2 are closed before.
    pub(super) status: Option<RawFd>,
    /// Whether the kernel has not done it (`CLONE_CLEAR_SIGHAND`).
    pub(super) resets_signal_actions: bool,
    pub(super) session: Session,
    pub(super) umask: Option<Mode>,
    pub(super) nice: Option<i32>,
    pub(super) limits: &'a [Limit],
}

impl Plan<'_> {
    /// Never returns when it succeeds: the program takes over.
    ///
    /// `learn` is called when the child has no descriptors any more but those it is to have; it
    /// learns when the child has started.
    pub(super) fn carry_out(
        &self,
        learn: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<Infallible, SpawnError> {
        let at = |stage| move |source| SpawnError { stage, source };

        if self.resets_signal_actions {
            reset_signal_actions().map_err(at(Stage::Signals))?;
        }
        if self.session != Session::Same {
            rustix::process::setsid().map_err(at(Stage::Session))?;
        }
        arrange_stdio(self.stdio).map_err(at(Stage::Descriptors))?;
        let rest = keep_status(self.status).map_err(at(Stage::Descriptors))?;
        close_from(rest).map_err(at(Stage::Descriptors))?;
        if self.session == Session::Terminal {
            let terminal = rustix::stdio::stdin();
            rustix::process::ioctl_tiocsctty(terminal).map_err(at(Stage::Terminal))?;
        }
        learn().map_err(at(Stage::Stat))?;
        rustix::process::chdir(self.directory).map_err(at(Stage::Directory))?;
        if let Some(mask) = self.umask {
            rustix::process::umask(mask);
        }
        if let Some(nice) = self.nice {
            rustix::process::setpriority_process(None, nice).map_err(at(Stage::Nice))?;
        }
        for limit in self.limits {
            limit::set_own(limit).map_err(at(Stage::Limit))?;
        }
        signal_mask::clear().map_err(at(Stage::Signals))?;
        Err(SpawnError {
            stage: Stage::Execute,
            source: self.execute(),
        })
    }

    /// Tries the files in turn; returns only when none could be executed.
    ///
    /// As execvp(3): a file that is not there makes way for the next one; that one may not be
    /// executed is remembered and told if no other can; anything else ends the search.
    fn execute(&self) -> Errno {
        let mut refused = None;
        for program in self.programs {
            let arguments = [
                program.expose_provenance(),
                self.arguments.expose_provenance(),
                self.environment.expose_provenance(),
            ];
            // SAFETY: all three are C strings and null-terminated arrays of such, which the
            // parent keeps alive; on success our memory is no longer used.
            match unsafe { syscall(libc::SYS_execve, arguments) } {
                Err(Errno::ACCESS) => refused = Some(Errno::ACCESS),
                Err(
                    Errno::NOENT | Errno::NOTDIR | Errno::STALE | Errno::NODEV | Errno::TIMEDOUT,
                ) => {}
                Err(errno) => return errno,
                // It does not come back otherwise.
                Ok(_) => return Errno::NOSYS,
            }
        }
        refused.unwrap_or(Errno::NOENT)
    }
}

/// All to the default: handlers would be reset by the exec, but ignored signals stay ignored.
fn reset_signal_actions() -> Result<(), Errno> {
    // The kernel's sigaction on x86_64 and aarch64: handler, flags, restorer, mask. All zero is
    // the default action.
    let default = [0u64; 4];
    for signal in 1..=64 {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        let action = default.as_ptr().expose_provenance();
        let arguments = [signal as usize, action, 0, size_of::<u64>()];
        // SAFETY: the new action is as large as the kernel's struct; the old one is not asked for.
        unsafe { syscall(libc::SYS_rt_sigaction, arguments) }?;
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
        duplicate(source, target, 0)?;
    }
    Ok(())
}

/// Makes the descriptor that tells of the exec number 3, closed by the exec; says from where on
/// to close the others.
fn keep_status(status: Option<RawFd>) -> Result<RawFd, Errno> {
    const PLACE: RawFd = 3;
    match status {
        None => Ok(PLACE),
        Some(PLACE) => Ok(PLACE + 1),
        Some(status) => {
            duplicate(status, PLACE, libc::O_CLOEXEC)?;
            Ok(PLACE + 1)
        }
    }
}

/// dup3(2).
fn duplicate(source: RawFd, target: RawFd, flags: c_int) -> Result<(), Errno> {
    let arguments = [source as usize, target as usize, flags as usize];
    // SAFETY: takes numbers; the descriptor table is the child's own.
    unsafe { syscall(libc::SYS_dup3, arguments) }.map(drop)
}

/// Closes every descriptor from `first` on.
fn close_from(first: RawFd) -> Result<(), Errno> {
    let arguments = [first as usize, u32::MAX as usize, 0];
    // SAFETY: takes numbers; the descriptor table is the child's own.
    if unsafe { syscall(libc::SYS_close_range, arguments) }.is_ok() {
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
            unsafe { syscall(libc::SYS_close, [fd as usize]) }?;
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
pub(super) fn read_stat(stat: &mut [u8; STAT_SIZE]) -> Result<usize, Errno> {
    const STAT: &CStr = c"/proc/self/stat";
    let file = rustix::fs::open(STAT, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::read(&file, stat)
}

fn fcntl(fd: RawFd, command: c_int, argument: c_int) -> Result<RawFd, Errno> {
    let arguments = [fd as usize, command as usize, argument as usize];
    // SAFETY: the commands used here take a number and touch no memory.
    let done = unsafe { syscall(libc::SYS_fcntl, arguments) }?;
    RawFd::try_from(done).map_err(|_| Errno::BADF)
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

//! Starting a program (clone(2), execve(2)).
//!
//! `std::process::Command` would be as fast, but keeps the child's pid, hands out no pidfd on
//! stable Rust, leaves ignored signals ignored, and does not say which step failed.

mod block;
mod child;
pub(crate) mod clone;
mod concurrent;
mod limit;
mod loaded;
mod stack;
mod start_tick;

use std::convert::Infallible;
use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};

pub use self::block::{BlockSpec, LaunchBlock};
use self::child::{Plan, STAT_SIZE, read_stat};
pub use self::clone::exit_at_once;
use self::clone::{ExitSignal, vfork};
pub use self::concurrent::{CloneWay, ConcurrentSpawn, Report, Starting};
use self::limit::Limit;
pub use self::limit::{InheritedLimits, limit_locks_of};
pub use self::loaded::{LoadedBlock, Rooms};
use crate::Pidfd;
use crate::wait::reap_ending;

/// A program to start, with everything looked up and laid out before.
///
/// No `Debug`: the environment may hold secrets.
#[derive(Clone, Copy)]
pub struct Spawn<'a> {
    /// Files to try in this order, by execvp(3)'s rules: the next one when there is none or it
    /// may not be executed. Relative ones are looked up in `directory`.
    pub programs: &'a [CString],
    /// Its arguments, beginning with the name it is called by.
    pub arguments: &'a [CString],
    /// Its environment, complete.
    pub environment: &'a [CString],
    /// Its working directory.
    pub directory: &'a CStr,
    /// What it gets as descriptors 0, 1 and 2; it gets no others.
    pub stdio: [BorrowedFd<'a>; 3],
    /// Where it lives.
    pub session: Session,
    /// Its file mode creation mask; ours when `None`.
    pub umask: Option<Mode>,
    /// Its nice value, −20 to 19 (setpriority(2)); ours when `None`.
    pub nice: Option<i32>,
    /// Its resource limits where they differ from ours.
    pub limits: &'a [(Resource, Rlimit)],
}

/// Whether the program gets a session, and so a process group, of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// A new one, without a terminal (setsid(2)).
    New,
    /// Ours, and our process group: a terminal's Ctrl-C reaches it as it reaches us.
    Same,
    /// A new one, whose controlling terminal is the program's descriptor 0 (tty_ioctl(4)).
    Terminal,
}

/// A program that runs.
#[derive(Debug)]
pub struct Spawned {
    /// The child; it has to be reaped by whoever gets this.
    pub pidfd: Pidfd,
    /// `/proc/<pid>/stat` as it was just before the program was executed.
    ///
    /// Read by the child, so that a start whose time could not be learnt fails before anything
    /// runs, instead of leaving a process without an identity.
    pub stat: Vec<u8>,
}

/// The program does not run, and nothing is left of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot {stage}")]
pub struct SpawnError {
    /// What failed.
    pub stage: Stage,
    /// What the kernel said.
    #[source]
    pub source: Errno,
}

/// A step on the way to a running program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading what is to be started.
    Block,
    /// Making the child.
    Clone,
    /// A session of its own.
    Session,
    /// Its descriptors 0, 1 and 2, and closing the others.
    Descriptors,
    /// A controlling terminal.
    Terminal,
    /// Reading when it started.
    Stat,
    /// Changing to its working directory.
    Directory,
    /// Its nice value.
    Nice,
    /// A resource limit.
    Limit,
    /// Signal actions and mask.
    Signals,
    /// Executing the program.
    Execute,
}

impl Stage {
    /// All of them; the place in it is the number that stands for one.
    const ALL: [Self; 11] = [
        Self::Block,
        Self::Clone,
        Self::Session,
        Self::Descriptors,
        Self::Terminal,
        Self::Stat,
        Self::Directory,
        Self::Nice,
        Self::Limit,
        Self::Signals,
        Self::Execute,
    ];
}

impl SpawnError {
    /// As one number, which is never 0: for memory that is shared with others.
    #[must_use]
    pub fn to_word(self) -> u64 {
        let stage = (1..)
            .zip(Stage::ALL)
            .find(|(_, stage)| *stage == self.stage);
        let stage: u64 = stage.map_or(0, |(number, _)| number);
        stage << 32 | u64::from(self.source.raw_os_error().unsigned_abs())
    }

    /// What [`SpawnError::to_word`] made a number of; `None` for 0 and what it never makes.
    #[must_use]
    pub fn from_word(word: u64) -> Option<Self> {
        let index = usize::try_from(word >> 32).ok()?.checked_sub(1)?;
        let errno = i32::try_from(word & u64::from(u32::MAX)).ok()?;
        Some(Self {
            stage: *Stage::ALL.get(index)?,
            source: (1..4096)
                .contains(&errno)
                .then(|| Errno::from_raw_os_error(errno))?,
        })
    }
}

/// Follows "cannot".
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Block => "read what is to be started",
            Self::Clone => "create a process",
            Self::Session => "start a session",
            Self::Descriptors => "arrange the descriptors of the process",
            Self::Terminal => "make the terminal the controlling one",
            Self::Stat => "read when the process started from /proc/self/stat",
            Self::Directory => "change to the working directory",
            Self::Nice => "set the nice value",
            Self::Limit => "set a resource limit",
            Self::Signals => "reset the signals",
            Self::Execute => "execute the program",
        })
    }
}

/// Starts a program and returns when it has been executed, or could not be.
///
/// Can be called from any thread, by several at once. The calling thread is suspended for the
/// time until the exec. Signals that come meanwhile are delivered afterwards.
///
/// # Errors
/// The step that failed first. The child is reaped then.
pub fn spawn(spawn: &Spawn<'_>) -> Result<Spawned, SpawnError> {
    let programs = pointers(spawn.programs);
    let arguments = pointers(spawn.arguments);
    let environment = pointers(spawn.environment);
    let limits: Vec<Limit> = spawn.limits.iter().map(Limit::new).collect();
    let mut child = Child {
        plan: Plan {
            programs: programs.split_last().map_or(&[], |(_, programs)| programs),
            arguments: arguments.as_ptr(),
            environment: environment.as_ptr(),
            directory: spawn.directory,
            stdio: spawn.stdio.map(|fd| fd.as_raw_fd()),
            status: None,
            resets_signal_actions: true,
            session: spawn.session,
            umask: spawn.umask,
            nice: spawn.nice,
            limits: &limits,
        },
        stat: [0; STAT_SIZE],
        stat_length: 0,
        failed: None,
    };
    let pidfd = vfork(ExitSignal::Child, &mut child, Child::become_program).map_err(|source| {
        SpawnError {
            stage: Stage::Clone,
            source,
        }
    })?;
    if let Some(error) = child.failed {
        reap_ending(pidfd.as_fd());
        return Err(error);
    }
    let stat = child
        .stat
        .get(..child.stat_length)
        .unwrap_or_default()
        .to_vec();
    Ok(Spawned { pidfd, stat })
}

/// What a child that suspends us works from and leaves for us.
struct Child<'a> {
    plan: Plan<'a>,
    stat: [u8; STAT_SIZE],
    stat_length: usize,
    /// Set when the program could not be executed.
    failed: Option<SpawnError>,
}

impl Child<'_> {
    fn become_program(&mut self) -> Option<Infallible> {
        let (stat, length) = (&mut self.stat, &mut self.stat_length);
        let learn = || {
            *length = read_stat(stat)?;
            Ok(())
        };
        match self.plan.carry_out(learn) {
            Ok(never) => Some(never),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }
}

/// The null-terminated array that execve(2) takes.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let strings = strings.iter().map(|string| string.as_ptr());
    strings.chain([ptr::null()]).collect()
}

//! Starting a program while the one who starts it goes on (clone3(2)).
//!
//! As fast as `posix_spawn` for the program, and the thread that starts it is not suspended
//! (`CLONE_VM` without `CLONE_VFORK`). The price is that what the child works from must stay
//! where it is until it has its own memory.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::Pid;

use super::child::Plan;
use super::clone::end_child;
use super::start_tick::{Before, own_start_tick, since_boot};
use super::{LoadedBlock, Rooms, SpawnError, Stage};
use crate::Pidfd;
use crate::any_child::AnyEnded;
use crate::signal_mask::AllSignalsBlocked;
use crate::syscall::{CloneArguments, clone3, syscall};
use crate::wait::last_errno;

/// How the child is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloneWay {
    /// clone3(2), beside the child.
    Concurrent,
    /// clone(2), suspended until the child has executed its program: where clone3 is refused, as
    /// by the filters of older container engines.
    Suspended,
}

/// A program to start from a block.
#[derive(Debug)]
pub struct ConcurrentSpawn<'a> {
    /// What to start.
    pub block: LoadedBlock,
    /// What it gets as descriptors 0, 1 and 2.
    pub stdio: [BorrowedFd<'a>; 3],
    /// The directory of the cgroup it is born into. Where that cannot be it starts without.
    pub group: Option<BorrowedFd<'a>>,
    /// Whether all signal actions are at their defaults here, so that the child need not reset
    /// them.
    pub default_actions: bool,
    /// Where it is told what becomes of it.
    pub report: Report<'static>,
}

/// Words that the kernel and the child write, in memory that is never unmapped.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The pid, written by the kernel before the child runs; must be 0 before.
    pub pid: &'a AtomicU64,
    /// When it started, in clock ticks since boot; written before the program is executed.
    pub start_ticks: &'a AtomicU64,
    /// The inode of its pidfds, which no other process gets until reboot; written before the program
    /// is executed, so that whatever that does, it is known who it was. 0 before Linux 6.9.
    pub pidfd_inode: &'a AtomicU64,
    /// [`SpawnError::to_word`] when the program could not be executed; must be 0 before.
    pub failure: &'a AtomicU64,
}

/// A child that executes its program just now, or has done so.
///
/// Keeps the memory the child works from. When it is dropped too early that memory is left
/// mapped, so that the child comes to no harm.
#[derive(Debug)]
pub struct Starting {
    block: Option<LoadedBlock>,
    pidfd: Pidfd,
    status: OwnedFd,
    grouped: bool,
}

/// What lies at the top of the child's stack.
struct Task {
    plan: Plan<'static>,
    report: Report<'static>,
    before: Before,
    /// `cgroup.procs` of the group to join, where the kernel has not put us there.
    join: Option<RawFd>,
}

impl ConcurrentSpawn<'_> {
    /// Starts it. What comes of it is in the report once [`Starting::is_over`].
    ///
    /// # Errors
    /// Before there is a child: nothing runs then.
    pub fn start(self, way: CloneWay) -> Result<Starting, SpawnError> {
        let at = |stage| move |source| SpawnError { stage, source };
        let flags = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK;
        let (status, kept) = rustix::pipe::pipe_with(flags).map_err(at(Stage::Descriptors))?;
        let mut plan = self.block.plan(self.stdio, kept.as_raw_fd());
        plan.resets_signal_actions = !self.default_actions;
        let task = Task {
            plan,
            report: self.report,
            before: Before::now(),
            join: None,
        };
        let (pidfd, grouped) = match way {
            CloneWay::Concurrent => concurrently(&self.block, task, self.group),
            CloneWay::Suspended => suspended(&self.block, task, self.group),
        }
        .map_err(at(Stage::Clone))?;
        Ok(Starting {
            block: Some(self.block),
            pidfd,
            status,
            grouped,
        })
    }
}

impl Starting {
    /// The child.
    #[must_use]
    pub fn pidfd(&self) -> &Pidfd {
        &self.pidfd
    }

    /// Whether it was born into the group that was asked for.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.grouped
    }

    /// Whether the child has executed its program, could not, or has ended; readable
    /// ([`AsFd`]) when it may be. What it worked from goes to `rooms` then.
    pub fn is_over(&mut self, rooms: &mut Rooms) -> bool {
        // Nothing is ever written: the end of the last copy of the other side is the sign. Such
        // copies are the child's own, and for a moment those of children born meanwhile.
        let mut nothing = [0];
        if rustix::io::read(&self.status, &mut nothing) == Ok(0)
            && let Some(block) = self.block.take()
        {
            rooms.take_back(block);
        }
        self.block.is_none()
    }

    /// Whether it is the child that has ended so.
    ///
    /// Others can hold the pipe a moment longer than it lives.
    pub fn has_ended(&mut self, ended: &AnyEnded, rooms: &mut Rooms) -> bool {
        if ended.pid() != self.pidfd.pid() {
            return false;
        }
        if let Some(block) = self.block.take() {
            rooms.take_back(block);
        }
        true
    }
}

impl AsFd for Starting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.status.as_fd()
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // The child may still stand on it.
        std::mem::forget(self.block.take());
    }
}

const SHARED: u64 = libc::CLONE_VM as u64;
const WITH_PIDFD: u64 = libc::CLONE_PIDFD as u64;
const TELL_PID: u64 = libc::CLONE_PARENT_SETTID as u64;
/// `CLONE_CLEAR_SIGHAND` (Linux 5.5): handlers are gone, ignored signals stay ignored.
const CLEAR_HANDLERS: u64 = 1 << 32;
/// `CLONE_INTO_CGROUP` (Linux 5.7).
const INTO_GROUP: u64 = 1 << 33;

fn concurrently(
    block: &LoadedBlock,
    task: Task,
    group: Option<BorrowedFd<'_>>,
) -> Result<(Pidfd, bool), Errno> {
    let pid = task.report.pid.as_ptr().expose_provenance() as u64;
    let (stack, size) = block.stack();
    let (task, size) = place(stack.as_ptr(), size, task);
    let mut pidfd: c_int = -1;
    let mut arguments = CloneArguments {
        flags: SHARED | WITH_PIDFD | TELL_PID | CLEAR_HANDLERS,
        pidfd: (&raw mut pidfd).expose_provenance() as u64,
        parent_tid: pid,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.as_ptr().expose_provenance() as u64,
        stack_size: size as u64,
        ..CloneArguments::default()
    };
    if let Some(group) = group {
        arguments.flags |= INTO_GROUP;
        arguments.cgroup = u64::from(group.as_raw_fd().unsigned_abs());
    }
    let blocked = AllSignalsBlocked::begin()?;
    // SAFETY: stack and task lie in the block, which `Starting` keeps until the child is done
    // with them; the report's words are never unmapped; the pidfd is written before this returns.
    let mut made = unsafe { clone3(&arguments, enter, task.cast()) };
    let refused = |errno| {
        !matches!(
            errno,
            Errno::AGAIN | Errno::NOMEM | Errno::NOSYS | Errno::PERM
        )
    };
    if group.is_some() && made.is_err_and(refused) {
        arguments.flags &= !INTO_GROUP;
        // SAFETY: as before.
        made = unsafe { clone3(&arguments, enter, task.cast()) };
    }
    drop(blocked);
    let pid = i32::try_from(made?).ok().and_then(Pid::from_raw);
    // SAFETY: clone3 succeeded, so the kernel put a new descriptor there, which nobody else knows.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let pidfd = Pidfd::from_parts(pidfd, pid.ok_or(Errno::CHILD)?);
    Ok((pidfd, arguments.flags & INTO_GROUP != 0))
}

fn suspended(
    block: &LoadedBlock,
    mut task: Task,
    group: Option<BorrowedFd<'_>>,
) -> Result<(Pidfd, bool), Errno> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let procs = group
        .and_then(|group| rustix::fs::openat(group, c"cgroup.procs", flags, Mode::empty()).ok());
    task.join = procs.as_ref().map(AsRawFd::as_raw_fd);
    let pid = task.report.pid.as_ptr().cast::<libc::pid_t>();
    let (stack, size) = block.stack();
    let (task, size) = place(stack.as_ptr(), size, task);
    // SAFETY: one past the unused part of the stack, which is inside of the mapping.
    let top = unsafe { stack.as_ptr().add(size) };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PARENT_SETTID | libc::SIGCHLD;
    let blocked = AllSignalsBlocked::begin()?;
    // SAFETY: as for clone3; CLONE_VFORK suspends us meanwhile.
    let made = unsafe {
        libc::clone(
            enter_by_clone,
            top.cast(),
            flags,
            task.cast::<c_void>(),
            pid,
        )
    };
    let failed = (made < 0).then(last_errno);
    drop(blocked);
    if let Some(errno) = failed {
        return Err(errno);
    }
    let made = Pid::from_raw(made).ok_or(Errno::CHILD)?;
    // Nobody but us reaps it, so the number is its own.
    let flags = rustix::process::PidfdFlags::empty();
    let pidfd = rustix::process::pidfd_open(made, flags)?;
    // SAFETY: the child has its own memory or has ended; the task is as it was, or the child's to
    // say that it did not join.
    let joined = unsafe { (*task).join.is_some() };
    Ok((Pidfd::from_parts(pidfd, made), joined))
}

/// Puts the task at the top of a stack; gives its place, and how much is left below it.
fn place(stack: *mut u8, size: usize, task: Task) -> (*mut Task, usize) {
    const { assert!(align_of::<Task>() <= 16) };
    let left = (size - size_of::<Task>()) & !15;
    // SAFETY: inside of the stack, as the task is far smaller.
    let place = unsafe { stack.add(left) }.cast::<Task>();
    // SAFETY: aligned, inside of the stack, and in nobody's use.
    unsafe { place.write(task) };
    (place, left)
}

extern "C" fn enter_by_clone(task: *mut c_void) -> c_int {
    // SAFETY: `suspended` passed a task.
    unsafe { enter(task.cast()) }
}

/// Where the child begins.
unsafe extern "C" fn enter(task: *mut u8) -> ! {
    let after = since_boot();
    // SAFETY: a pointer to a task that nobody else touches while we run.
    let task = unsafe { &mut *task.cast::<Task>() };
    if task.join.is_some_and(|procs| join_group(procs).is_err()) {
        task.join = None;
    }
    let (before, report) = (task.before, task.report);
    let learn = || {
        let ticks = own_start_tick(before, after)?;
        report.pidfd_inode.store(own_inode(), Ordering::Release);
        report.start_ticks.store(ticks, Ordering::Release);
        Ok(())
    };
    // It does not come back otherwise.
    let Err(error) = task.plan.carry_out(learn);
    report.failure.store(error.to_word(), Ordering::Release);
    end_child()
}

/// The inode of a pidfd of the process that calls; 0 where that tells nothing, or cannot be had.
fn own_inode() -> u64 {
    let own = Pidfd::open(rustix::process::getpid());
    let inode = own.and_then(|own| own.inode());
    inode.ok().flatten().unwrap_or_default()
}

/// Moves the process that calls (cgroups(7)).
fn join_group(procs: RawFd) -> Result<(), Errno> {
    let own = b"0";
    let arguments = [procs as usize, own.as_ptr().expose_provenance(), own.len()];
    // SAFETY: reads one byte.
    unsafe { syscall(libc::SYS_write, arguments) }.map(drop)
}

//! Making a child that shares our memory until it runs its program (clone(2)).

use std::convert::Infallible;
use std::ffi::{c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::Pid;

use super::stack::ChildStack;
use crate::Pidfd;
use crate::signal_mask::AllSignalsBlocked;
use crate::syscall::syscall;
use crate::wait::last_errno;

/// What the kernel sends us when the child ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ExitSignal {
    /// As for every ordinary child.
    Child,
    /// Nothing: only a wait that asks for such children sees it.
    None,
}

struct Entry<'a, T> {
    body: fn(&mut T) -> Option<Infallible>,
    data: &'a mut T,
}

/// Runs `body` in a child on a stack of its own, with all signals blocked, and returns when the
/// child has executed a program or has ended; it ends when `body` returns.
///
/// `CLONE_VM`: a large parent costs nothing (a fork copies its page tables). `CLONE_VFORK`: the
/// calling thread, not the others, is suspended meanwhile, so `data` and the stack outlive the
/// child's use of them. `CLONE_PIDFD`: the descriptor comes with the child, without a race. The
/// descriptor table, the working directory, the umask and the signal actions are copies.
///
/// `body` runs in our memory while other threads of ours go on, perhaps holding locks: it may
/// make async-signal-safe calls only (signal-safety(7)), must not allocate and must not panic.
pub(crate) fn vfork<T>(
    exit_signal: ExitSignal,
    data: &mut T,
    body: fn(&mut T) -> Option<Infallible>,
) -> Result<Pidfd, Errno> {
    let stack = ChildStack::map()?;
    let exit_signal = match exit_signal {
        ExitSignal::Child => libc::SIGCHLD,
        ExitSignal::None => 0,
    };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | exit_signal;
    let mut entry = Entry { body, data };
    let mut pidfd: c_int = -1;

    let blocked = AllSignalsBlocked::begin()?;
    // SAFETY: the stack is mapped, aligned and unused, and `enter::<T>` gets the entry of its
    // own type. CLONE_VFORK keeps both alive: this call returns only when the child no longer
    // uses our memory. The place for the pidfd is a C int, which clone(2) writes through its
    // parent_tid argument under CLONE_PIDFD.
    let pid = unsafe {
        libc::clone(
            enter::<T>,
            stack.top(),
            flags,
            (&raw mut entry).cast::<c_void>(),
            &raw mut pidfd,
        )
    };
    // Before anything else can change errno.
    let failed = if pid < 0 { Some(last_errno()) } else { None };
    drop(blocked);

    if let Some(errno) = failed {
        return Err(errno);
    }
    // SAFETY: clone succeeded, so the kernel put a new descriptor there, which nobody else knows.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let pid = Pid::from_raw(pid).ok_or(Errno::CHILD)?;
    Ok(Pidfd::from_parts(pidfd, pid))
}

extern "C" fn enter<T>(entry: *mut c_void) -> c_int {
    // SAFETY: `vfork` passed a pointer to an Entry<T> that nobody else touches while we run.
    let entry = unsafe { &mut *entry.cast::<Entry<'_, T>>() };
    (entry.body)(entry.data);
    end_child()
}

/// Ends a child that shares our memory at once, without handlers that belong to our program.
pub(super) fn end_child() -> ! {
    exit_at_once(EXIT_CODE)
}

/// Ends this process without running anything more of it: no destructor, no handler of exit(3).
pub fn exit_at_once(code: u8) -> ! {
    loop {
        // SAFETY: takes a number, and does not come back.
        let ended = unsafe { syscall(libc::SYS_exit_group, [usize::from(code)]) };
        debug_assert!(ended.is_ok());
    }
}

/// What a child that ran no program ends with; nobody is told, so it only shows in a debugger.
const EXIT_CODE: u8 = 127;

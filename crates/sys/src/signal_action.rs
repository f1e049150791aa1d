//! What this process does on a signal, changed for a while (sigaction(2)).

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use crate::Signal;

/// What to do on a signal without a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// What the kernel does by itself (signal(7)).
    Default,
    /// Nothing.
    Ignore,
}

/// Changed actions of this process; what was there before comes back when it is dropped.
///
/// Actions belong to the whole process, so two of these for one signal must end in the
/// opposite order of their beginning.
#[derive(Debug)]
#[must_use = "the actions are restored when this is dropped"]
pub struct SignalActions {
    previous: Vec<(Signal, libc::sigaction)>,
}

impl SignalActions {
    /// Sets these actions.
    ///
    /// # Errors
    /// `EINVAL` for SIGKILL and SIGSTOP, and for what the C library keeps for itself; those
    /// before it in the list are restored then.
    pub fn set(actions: &[(Signal, Action)]) -> io::Result<Self> {
        let mut set = Self {
            previous: Vec::with_capacity(actions.len()),
        };
        for &(signal, action) in actions {
            let mut wanted = empty_action();
            wanted.sa_sigaction = match action {
                Action::Default => libc::SIG_DFL,
                Action::Ignore => libc::SIG_IGN,
            };
            let previous = exchange(signal, Some(&wanted))?;
            set.previous.push((signal, previous));
        }
        Ok(set)
    }
}

impl Drop for SignalActions {
    fn drop(&mut self) {
        for (signal, previous) in self.previous.iter().rev() {
            // What the kernel gave out for this very signal it takes back.
            let restored = exchange(*signal, Some(previous));
            debug_assert!(restored.is_ok());
        }
    }
}

/// Makes sure that ended children stay as zombies until they are reaped.
///
/// With SIGCHLD ignored, or `SA_NOCLDWAIT`, the kernel throws exit codes away (sigaction(2)), and
/// a program can inherit an ignored SIGCHLD from whatever started it. A handler stays as it is.
/// Says whether anything had to be changed.
///
/// # Errors
/// Those of sigaction(2), none of which SIGCHLD is known to give.
pub fn keep_ended_children() -> io::Result<bool> {
    let mut action = exchange(Signal::CHLD, None)?;
    let ignored = action.sa_sigaction == libc::SIG_IGN;
    let discarded = action.sa_flags & libc::SA_NOCLDWAIT != 0;
    if ignored {
        action.sa_sigaction = libc::SIG_DFL;
    }
    if ignored || discarded {
        action.sa_flags &= !libc::SA_NOCLDWAIT;
        exchange(Signal::CHLD, Some(&action))?;
    }
    Ok(ignored || discarded)
}

/// Stops this process by one of the stop signals, and returns when it goes on.
///
/// Delivered to the calling thread, so that it has taken effect on return; the action has to be
/// the default one and the signal not blocked here. SIGSTOP always stops; the kernel drops the
/// others in a process group that no job-control shell looks after (credentials(7)).
///
/// # Errors
/// Those of raise(3).
pub fn stop_self(signal: Signal) -> io::Result<()> {
    // SAFETY: takes a number and touches no memory.
    if unsafe { libc::raise(signal.number()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn empty_action() -> libc::sigaction {
    // SAFETY: all zeroes is the default action with no flags and an empty mask.
    unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() }
}

fn exchange(signal: Signal, wanted: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let mut previous = empty_action();
    let wanted = wanted.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: both pointers are null or to an action alive during the call. No handler is
    // installed here but one that was installed before.
    let done = unsafe { libc::sigaction(signal.number(), wanted, &raw mut previous) };
    if done == 0 {
        Ok(previous)
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler_of(signal: Signal) -> libc::sighandler_t {
        exchange(signal, None).unwrap().sa_sigaction
    }

    #[test]
    fn actions_come_back_when_the_guard_goes() {
        let before = handler_of(Signal::USR2);
        let guard = SignalActions::set(&[
            (Signal::USR2, Action::Ignore),
            (Signal::USR2, Action::Default),
        ])
        .unwrap();
        drop(guard);
        assert_eq!(handler_of(Signal::USR2), before);
    }

    #[test]
    fn a_refused_signal_leaves_the_others_as_they_were() {
        let before = handler_of(Signal::USR1);
        let refused = SignalActions::set(&[
            (Signal::USR1, Action::Ignore),
            (Signal::KILL, Action::Ignore),
        ]);
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(handler_of(Signal::USR1), before);
    }
}

//! What is left of a process group when its leader has gone.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use hostledger_sys::{GroupSignalError, Pidfd, Signal};

/// Between looks at the group: the kernel gives no notice of its end.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// How long after SIGKILL the last of a group may take to be gone.
const AFTER_KILL: Duration = Duration::from_secs(2);

/// Waits until nobody is left in the group that an ended process led, and ends who is left after
/// `grace` by SIGKILL; says whether that was needed.
///
/// The group is meant by the leader's descriptor, never by its number. Before Linux 6.9 there is
/// no such way, and nothing is done. What has left the group is not found here.
///
/// # Errors
/// What the kernel says other than that nobody is left.
pub fn end_rest(leader: &Pidfd, grace: Duration) -> io::Result<bool> {
    if !is_left(leader, grace)? {
        return Ok(false);
    }
    match leader.send_signal_to_group(Signal::KILL) {
        Err(GroupSignalError::Refused { source, .. })
            if source.raw_os_error() != Some(rustix::io::Errno::SRCH.raw_os_error()) =>
        {
            Err(source)
        }
        _ => {
            is_left(leader, AFTER_KILL)?;
            Ok(true)
        }
    }
}

/// Whether anybody in the group is more than a zombie, whose new parent may take its time to
/// reap it.
///
/// Read by the group's number, which is its own as long as the descriptor says that it has
/// members; nobody is signalled by it.
fn lives(leader: &Pidfd) -> bool {
    let group = leader.pid().as_raw_pid();
    let Ok(processes) = procfs::process::all_processes() else {
        return true;
    };
    processes
        .flatten()
        .filter_map(|process| process.stat().ok())
        .any(|stat| stat.pgrp == group && !matches!(stat.state, 'Z' | 'X'))
}

/// Whether somebody is left in the group when `within` has passed; returns early when not.
fn is_left(leader: &Pidfd, within: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + within;
    let mut pause = FIRST_PAUSE;
    while leader.group_has_members()? == Some(true) && lives(leader) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(true);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(false)
}

//! The process that stays the parent of what was launched.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::wait::wait_until;

/// Kills the keeper of a program that runs.
///
/// # Panics
/// The program's parent is no keeper.
#[track_caller]
pub fn kill_keeper_of(pid: i32) {
    let keeper = parent_of(pid).expect("it runs");
    let held = Pid::from_raw(keeper).unwrap();
    let held = pidfd_open(held, PidfdFlags::empty()).unwrap();
    // Held first, then looked at: it is one and the same.
    let name = fs::read_to_string(format!("/proc/{keeper}/comm")).unwrap();
    assert_eq!(name, "hostledger-keep\n");
    pidfd_send_signal(&held, Signal::KILL).unwrap();
    wait_until("it has somebody else", || parent_of(pid) != Some(keeper));
}

/// Sends the keeper of a launcher a signal; says whether it has one that lives.
#[must_use]
pub fn signal_keeper(launcher: u32, signal: Signal) -> bool {
    let keeper = hold_keeper(launcher);
    keeper.is_some_and(|(_, keeper)| pidfd_send_signal(&keeper, signal).is_ok())
}

/// Has the keeper of a launcher stand still, from now until this is dropped.
///
/// # Panics
/// It has none.
#[must_use]
#[track_caller]
pub fn stop_keeper(launcher: u32) -> StoppedKeeper {
    let (pid, keeper) = hold_keeper(launcher).expect("it has a keeper");
    pidfd_send_signal(&keeper, Signal::STOP).unwrap();
    wait_until("the keeper stands still", || {
        stat_field(pid, 0).as_deref() == Some("T")
    });
    StoppedKeeper(keeper)
}

/// A keeper that goes on when this is dropped.
#[derive(Debug)]
pub struct StoppedKeeper(OwnedFd);

impl Drop for StoppedKeeper {
    fn drop(&mut self) {
        // It may have been killed meanwhile.
        let _ = pidfd_send_signal(&self.0, Signal::CONT);
    }
}

fn hold_keeper(launcher: u32) -> Option<(i32, OwnedFd)> {
    let tasks = fs::read_dir(format!("/proc/{launcher}/task"))
        .into_iter()
        .flatten();
    let children =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: Vec<i32> = children
        .flat_map(|list| {
            list.split(' ')
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect();
    children.into_iter().find_map(|pid| {
        let held = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // Held first, then looked at: it is one and the same.
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let held = held.filter(|_| name == "hostledger-keep\n");
        held.map(|held| (pid, held))
    })
}

/// The parent of a live process.
#[must_use]
pub fn parent_of(pid: i32) -> Option<i32> {
    stat_field(pid, 1)?.parse().ok()
}

/// A field of proc_pid_stat(5), counted from the state.
fn stat_field(pid: i32, number: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(") ")?;
    behind_name.split(' ').nth(number).map(str::to_owned)
}

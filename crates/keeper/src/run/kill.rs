//! Signals to a process and, by its kill mode, to what descends from it.

use std::io;

use hostledger_model::KillMode;
use hostledger_sys::{Pidfd, Signal};
use rustix::process::{Pid, getpid};

use super::family::{Family, Known};
use super::proc_scan::{each_numbered, each_process, newest};
use super::{Run, clock};
use crate::table::entry::{State, kill_mode_of, pid_of};
use crate::table::layout::{Field, SlotWords};

/// Who forks while we look is found by looking again; who still does after so many times is
/// found later.
const ROUNDS: usize = 64;
/// As many looks at the newest numbers in a row have to find nobody.
const QUIET_LOOKS: u32 = 20;
/// So many of the newest numbers are looked at again: a process gets its number a little before
/// it is there.
const ONCE_MORE: u64 = 8;
/// More new numbers than that are not looked at one by one.
const LONGEST_STRETCH: u64 = 4096;
/// Then others have their turn.
const CHASE: u64 = 100 * clock::MILLISECOND;

impl Run {
    /// Signals a process and those with it; says whether anybody was found.
    ///
    /// Each is held by a descriptor before it is compared, so that no signal reaches a process
    /// that got the number of one of ours.
    pub(super) fn signal(&self, slot: usize, words: SlotWords<'_>, signal: Signal) -> bool {
        let mode = kill_mode_of(words.load(Field::KillMode));
        let Some(leader) = pid_of(words).and_then(|pid| Pid::from_raw(pid.get())) else {
            return false;
        };
        let state = words.load(Field::State);
        // Its zombie is ours to reap, so the number is its own as long as it has not ended here.
        let is_ours = [State::Starting, State::Running]
            .map(State::word)
            .contains(&state);
        let leader_alone = || is_ours && Pidfd::open(leader).is_ok_and(|it| send(&it, signal));
        if mode == KillMode::Process {
            return leader_alone();
        }
        if mode == KillMode::Tree && signal == Signal::KILL {
            // What has left the group is looked for as well.
            self.groups.kill(slot, words);
        }
        let family = Family {
            leader: u64::from(leader.as_raw_pid().unsigned_abs()),
            leader_is_ours: is_ours,
            tag: words.load(Field::Tag),
            since: words.load(Field::StartTicks),
            mode,
            us: u64::from(getpid().as_raw_pid().unsigned_abs()),
        };
        let signalled = if signal == Signal::KILL {
            kill_family(&family)
        } else {
            ask_family(&family, signal)
        };
        // Who cannot look at /proc can still reach the process itself.
        signalled.unwrap_or_else(|_| leader_alone())
    }
}

/// Sends a signal to each as it is found, and lets go on who was stopped. Links by parent are not
/// followed, as parents end meanwhile and their numbers are used again: who carries no tag of
/// ours has another one, and a supervisor of its own.
fn ask_family(family: &Family, signal: Signal) -> io::Result<bool> {
    let nobody = Known::new()?;
    let mut found = false;
    each_process(|member| {
        if family.has(member, &nobody) {
            found |= send(&member.pidfd, signal);
            send(&member.pidfd, Signal::CONT);
        }
    })?;
    Ok(found)
}

/// Stops all, until nobody new is found: who is stopped forks no more, and nobody's parent
/// changes. Then ends all.
fn kill_family(family: &Family) -> io::Result<bool> {
    let known = Known::new()?;
    let before = newest()?;
    let mut found = false;
    for _ in 0..ROUNDS {
        let mut news = false;
        each_process(|member| {
            if !known.has(member) && family.has(member, &known) && send(&member.pidfd, Signal::STOP)
            {
                known.add(member);
                news = true;
            }
        })?;
        found |= news;
        if !news {
            break;
        }
    }
    if found {
        each_process(|member| {
            if known.has(member) {
                send(&member.pidfd, Signal::KILL);
            }
        })?;
    }
    // Whom a tag proves can be told without anybody he came from.
    if !found && family.tag != 0 {
        found = chase(family, &known, before)?;
    }
    Ok(found)
}

/// Ends the newest as they come, from the number on that was the last one before a look through
/// all: whoever forks and ends all the time is in no such look. Says whether anybody was found,
/// or may have been missed.
fn chase(family: &Family, known: &Known, since: u64) -> io::Result<bool> {
    let end = clock::now().saturating_add(CHASE);
    let (mut last, mut quiet) = (since, 0);
    let mut any = false;
    while quiet < QUIET_LOOKS && clock::now() < end {
        let now = newest()?;
        // The numbers begin anew, or are too many.
        if now < last || now - last > LONGEST_STRETCH {
            (any, last, quiet) = (true, now, 0);
            continue;
        }
        let mut found = false;
        // Upwards, parents first: who has SIGKILL pending completes no fork.
        each_numbered(last.saturating_sub(ONCE_MORE)..=now, |member| {
            found |= family.has(member, known) && send(&member.pidfd, Signal::KILL);
        })?;
        any |= found;
        quiet = if found { 0 } else { quiet + 1 };
        last = now;
    }
    Ok(any || quiet < QUIET_LOOKS)
}

/// Whether it was there to be signalled, and ours to signal.
fn send(pidfd: &Pidfd, signal: Signal) -> bool {
    pidfd.send_signal(signal).is_ok()
}

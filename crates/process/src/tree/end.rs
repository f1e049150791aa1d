//! Ending whole trees: asked first, then made.

use std::thread;
use std::time::{Duration, Instant};

use hostledger_model::{KillMode, Pid};
use hostledger_sys::Signal;

use super::error::copy_of;
use super::hunt::Hunt;
use super::roster::Roster;
use super::signal::name_of;
use super::{TreeError, TreeRoot};
use crate::PidSpace;

/// How long members are looked for and killed before those who are left are given up.
const KILLING: Duration = Duration::from_secs(10);
/// How long after SIGKILL a process may stay: one that waits for a dead disk cannot be ended.
const AFTER_KILL: Duration = Duration::from_secs(2);
/// Between looks for members who come while the others end.
const PAUSE: Duration = Duration::from_millis(5);
/// How long everybody may take to come to a halt before SIGKILL, from when the last one was found.
/// One that waits for a disk, or for the program it has started by vfork(2), does not halt.
const HALTING: Duration = Duration::from_secs(1);
/// Between looks for who has come to a halt.
const HALT_PAUSE: Duration = Duration::from_millis(1);

/// What became of a tree that was to end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeEnd {
    /// How many of its processes were alive and have ended.
    pub ended: usize,
    /// Who has not ended: another user's, or in a sleep that nothing interrupts.
    pub survivors: Vec<Survivor>,
    /// Whether SIGKILL had to be sent.
    pub killed: bool,
}

/// A process that could not be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// Its number.
    pub pid: Pid,
    /// Its name, which it may have changed (proc_pid_comm(5)).
    pub name: String,
}

/// Ends trees, as far as their scopes go: `first` goes to everybody at once, and after `grace`
/// SIGKILL to who is left. Returns as soon as all have ended; zombies have. Without `first`,
/// SIGKILL comes at once.
///
/// All trees share the looks through /proc and the time. Members who come up meanwhile are ended
/// as well. We ourselves, our ancestors and pid 1 are left out.
///
/// # Errors
/// When a tree could not be looked at; what was found of it has been ended then nevertheless.
pub fn end_trees(
    space: &PidSpace,
    roots: &[TreeRoot],
    first: Option<Signal>,
    grace: Duration,
) -> Vec<Result<TreeEnd, TreeError>> {
    let mut hunt = match Hunt::begin(space, roots) {
        Ok(hunt) => hunt,
        Err(error) => {
            let failed = |_| Err(TreeError::scan(copy_of(&error)));
            return roots.iter().map(failed).collect();
        }
    };
    let mut left: Vec<usize> = (0..roots.len()).collect();
    if let Some(signal) = first {
        hunt.ask(&mut left, signal, grace);
    }
    hunt.kill(left);
    hunt.report()
}

impl Hunt<'_> {
    /// Signals everybody and waits for the end of all; takes those out of `left` who have ended.
    fn ask(&mut self, left: &mut Vec<usize>, signal: Signal, grace: Duration) {
        let begin = Instant::now();
        // What the clock cannot hold is for ever, or nearly so.
        let until = begin
            .checked_add(grace)
            .unwrap_or_else(|| begin + Duration::from_secs(1 << 30));
        loop {
            let newest = self.newest.read().ok().flatten();
            let mut found = self.look(left);
            for index in left.iter() {
                let sent = self.send_to_scope(*index, signal, |member| member.sent.is_none());
                if signal == Signal::KILL && sent.count > 0 {
                    self.killed(*index);
                }
                // A stopped process sees no other signal.
                self.send(*index, Signal::CONT, |member| {
                    member.sent == Some(signal) && signal != Signal::CONT
                });
            }
            if !found {
                // In whom nobody is seen, there may be those who fork and end all the time.
                let mut over = left.clone();
                over.retain(|index| !self.is_alive(*index));
                found = self.chase(&over, signal, newest, until);
            }
            if !found {
                left.retain(|index| self.is_alive(*index));
            }
            if left.is_empty() || Instant::now() >= until {
                return;
            }
            for index in left.iter() {
                self.wait(*index, until);
            }
            if found {
                continue;
            }
            thread::sleep(PAUSE.min(until.saturating_duration_since(Instant::now())));
        }
    }

    /// Ends by SIGKILL whoever is left, until another look finds nobody.
    fn kill(&mut self, mut left: Vec<usize>) {
        let until = Instant::now() + KILLING;
        self.end_groups(&left, until);
        while !left.is_empty() {
            // An unreadable number is told of by the chase.
            let newest = self.newest.read().ok().flatten();
            let mut found = self.halt(&left, until);
            for index in &left {
                let sent = self.send_to_scope(*index, Signal::KILL, |member| {
                    member.sent != Some(Signal::KILL)
                });
                if sent.count > 0 {
                    self.killed(*index);
                }
            }
            found |= self.chase(&left, Signal::KILL, newest, until);
            let gone = until.min(Instant::now() + AFTER_KILL);
            let mut survived = false;
            for index in &left {
                survived |= !self.wait(*index, gone);
            }
            if survived || Instant::now() >= until {
                return;
            }
            if !found {
                left.retain(|index| self.is_alive(*index));
            }
        }
    }

    /// Stops everybody, so that nobody forks, until a look finds nobody new; says whether anybody
    /// new was found at all.
    ///
    /// A fork that was under way when the signal came goes on, and its child loses its parent when
    /// that one is killed. A tagged child is found nevertheless, by the look after the killing.
    /// For trees without a tag a look counts only if everybody was at a halt in the one before.
    fn halt(&mut self, which: &[usize], until: Instant) -> bool {
        let mut any = false;
        let mut quiet = false;
        let mut last_found = Instant::now();
        loop {
            for index in which {
                if self.scope(*index) != Some(KillMode::Process) {
                    self.send(*index, Signal::STOP, |member| {
                        !matches!(member.sent, Some(Signal::STOP | Signal::KILL))
                    });
                }
            }
            let found = self.look(which);
            any |= found;
            let mut linked = which
                .iter()
                .filter_map(|index| self.rosters.get(*index))
                .filter(|roster| roster.hangs_by_parents());
            let halted = linked.clone().all(|roster| roster.halted);
            let enough = quiet || linked.all(Roster::is_over);
            let now = Instant::now();
            if (halted && enough && !found) || now >= until || now > last_found + HALTING {
                return any;
            }
            quiet = halted && !found;
            if found {
                last_found = now;
            } else if !halted {
                thread::sleep(HALT_PAUSE);
            }
        }
    }

    /// Waits until everybody in a tree has ended; says whether that came.
    fn wait(&mut self, index: usize, until: Instant) -> bool {
        let Some(roster) = self.rosters.get_mut(index) else {
            return true;
        };
        let mut all = true;
        for member in roster.members.iter_mut().filter(|member| !member.spared) {
            match member.wait_ended(&self.proc, until) {
                Ok(ended) => all &= ended,
                Err(error) => {
                    all = false;
                    roster.failed.get_or_insert(error);
                }
            }
        }
        all
    }

    fn report(self) -> Vec<Result<TreeEnd, TreeError>> {
        let Self { proc, rosters, .. } = self;
        let reports = rosters.into_iter().map(|roster| {
            let mut end = TreeEnd {
                killed: roster.killed,
                ..TreeEnd::default()
            };
            for mut member in roster.members {
                if member.spared {
                    continue;
                }
                if member.is_alive(&proc)? {
                    let pid = member.pid;
                    let name = name_of(pid);
                    end.survivors.push(Survivor { pid, name });
                } else {
                    end.ended += 1;
                }
            }
            roster.failed.map_or(Ok(end), Err)
        });
        reports.collect()
    }
}

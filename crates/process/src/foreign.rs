//! Processes that somebody else has written down, with less than an exact identity.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use hostledger_model::{Pid, Timestamp};
use procfs::ProcError;
use procfs::process::{Process, Stat};

use crate::identity::{open, stat_of};
use crate::{IdentityError, PidSpace, Verdict, start_time};

/// Start times that differ by less than this are taken for the same.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(5);
/// A row that is older than this is not believed: its number may have been given out anew.
const WINDOW: Duration = Duration::from_hours(24);
/// How long a process may be without arguments before that is believed.
const BEING_EXECUTED: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(1);

/// What another program has recorded of a process on this machine, in this pid namespace.
#[derive(Debug, Clone, Copy)]
pub struct ForeignRow<'a> {
    /// Its number.
    pub pid: Pid,
    /// When it was started, as that program saw it.
    pub started_at: Timestamp,
    /// What was to be executed: the program and its arguments.
    pub command: &'a [String],
    /// The number of whoever started it, if that is recorded.
    pub parent: Option<Pid>,
}

impl PidSpace {
    /// Looks for a process that is known by number and start time alone.
    ///
    /// It is taken for the recorded one when the start times differ by less than 5 s, the row is
    /// less than 24 h old, and the command agrees:
    ///
    /// - the recorded program occurs among its arguments, by path or by base name: an interpreter
    ///   may stand in front;
    /// - or its arguments are the last ones of the recorded command, as `env` and `nice` leave
    ///   them;
    /// - or, as after a shell's `exec`, its parent is the recorded one, and it leads a session or
    ///   is in its parent's.
    ///
    /// A zombie has no arguments any more: number and start time decide. Whoever has the number
    /// is held before anything is compared, and found unreaped afterwards.
    ///
    /// # Errors
    /// When descriptors run out or /proc cannot be read; that nobody is there is no error.
    pub fn match_foreign(
        &self,
        row: &ForeignRow<'_>,
        now: Timestamp,
    ) -> Result<Verdict, IdentityError> {
        let pid = row.pid;
        let age = now
            .unix_micros()
            .saturating_sub(row.started_at.unix_micros());
        if i128::from(age) >= micros(WINDOW) {
            return Ok(Verdict::Gone);
        }
        let Some(held) = open(pid)? else {
            return Ok(Verdict::Gone);
        };
        let Some(stat) = stat_of(&held, pid)? else {
            return Ok(Verdict::Gone);
        };
        if !about_the_same(started(&stat), row.started_at) {
            return Ok(Verdict::Gone);
        }
        let failed = |source| IdentityError::Pidfd { pid, source };
        let ended = || held.wait_ended(Some(Duration::ZERO)).map_err(failed);
        // A zombie's arguments are not waited for.
        let agrees = !ended()? && agrees(row, &stat)?;
        if !held.is_unreaped().map_err(failed)? {
            return Ok(Verdict::Gone);
        }
        if ended()? {
            return Ok(Verdict::Zombie(held));
        }
        Ok(if agrees {
            Verdict::Alive(held)
        } else {
            Verdict::Gone
        })
    }
}

pub(crate) fn started(stat: &Stat) -> Timestamp {
    start_time(hostledger_model::StartTicks(stat.starttime))
}

pub(crate) fn about_the_same(one: Timestamp, other: Timestamp) -> bool {
    let apart = i128::from(one.unix_micros()) - i128::from(other.unix_micros());
    apart.abs() < micros(TOLERANCE)
}

fn micros(time: Duration) -> i128 {
    i128::try_from(time.as_micros()).unwrap_or(i128::MAX)
}

fn agrees(row: &ForeignRow<'_>, stat: &Stat) -> Result<bool, IdentityError> {
    let pid = row.pid;
    let arguments = arguments_of(pid)?;
    if names_program(row.command, &arguments) || is_rest(row.command, &arguments) {
        return Ok(true);
    }
    if row.parent.is_none_or(|parent| parent.get() != stat.ppid) {
        return Ok(false);
    }
    Ok(stat.session == pid.get() || session_of(stat.ppid)? == Some(stat.session))
}

/// None when it has ended.
///
/// One that is just being executed shows none for a moment, as its new memory is not filled yet.
fn arguments_of(pid: Pid) -> Result<Vec<String>, IdentityError> {
    let until = Instant::now() + BEING_EXECUTED;
    loop {
        match Process::new(pid.get()).and_then(|process| process.cmdline()) {
            Ok(none) if none.is_empty() && Instant::now() < until => thread::sleep(PAUSE),
            Ok(arguments) => return Ok(arguments),
            Err(ProcError::NotFound(_)) => return Ok(Vec::new()),
            Err(source) => return Err(unreadable(pid, "cmdline")(source)),
        }
    }
}

fn names_program(command: &[String], arguments: &[String]) -> bool {
    let Some(program) = command.first().filter(|program| !program.is_empty()) else {
        return false;
    };
    let name = Path::new(program).file_name();
    let mut arguments = arguments.iter();
    arguments.any(|argument| {
        argument == program || (name.is_some() && Path::new(argument).file_name() == name)
    })
}

/// Whether a program that stood in front has replaced itself by the rest of the command.
fn is_rest(command: &[String], arguments: &[String]) -> bool {
    let Some((program, rest)) = arguments.split_first() else {
        return false;
    };
    let Some(before) = command.len().checked_sub(arguments.len()) else {
        return false;
    };
    let recorded = command.get(before..).and_then(<[String]>::split_first);
    recorded.is_some_and(|(name, others)| {
        before > 0
            && others == rest
            && Path::new(name).file_name() == Path::new(program).file_name()
    })
}

/// The session of whoever has this number; `None` when nobody has.
pub(crate) fn session_of(pid: i32) -> Result<Option<i32>, IdentityError> {
    let Some(model) = Pid::new(pid) else {
        return Ok(None);
    };
    match Process::new(pid).and_then(|process| process.stat()) {
        Ok(stat) => Ok(Some(stat.session)),
        Err(ProcError::NotFound(_) | ProcError::PermissionDenied(_)) => Ok(None),
        Err(source) => Err(unreadable(model, "stat")(source)),
    }
}

pub(crate) fn unreadable(pid: Pid, file: &'static str) -> impl FnOnce(ProcError) -> IdentityError {
    move |source| IdentityError::Unreadable { pid, file, source }
}

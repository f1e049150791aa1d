//! Ends of processes in the terms of the records.

use hostledger_model::{ResourceUsage, Termination};
use hostledger_sys::{self as sys, Pidfd};
use procfs::process::Process;

use crate::identity::{model_pid, stat_of};
use crate::{Means, PidSpace};

/// How a child ended, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndStatus {
    /// As its parent, we know all.
    Known(Termination, ResourceUsage),
    /// Somebody else reaped it, and the kernel (6.15 and later) told how it ended, but not what
    /// it used.
    Witnessed(Termination),
    /// Somebody else reaped it, and nobody can tell any more.
    Lost,
}

impl EndStatus {
    /// Code or signal, unless that is lost.
    #[must_use]
    pub fn termination(self) -> Option<Termination> {
        match self {
            Self::Known(termination, _) | Self::Witnessed(termination) => Some(termination),
            Self::Lost => None,
        }
    }

    /// What it used, when that is known.
    #[must_use]
    pub fn usage(self) -> Option<ResourceUsage> {
        match self {
            Self::Known(_, usage) => Some(usage),
            Self::Witnessed(_) | Self::Lost => None,
        }
    }
}

impl PidSpace {
    /// How a process ended that is somebody else's to reap, for bystanders that hold it by a
    /// descriptor opened before it was: its zombie tells, and after that the kernel.
    ///
    /// `None` while it runs, for another user's zombie, and, once it is reaped, before Linux 6.15
    /// or when [`Means::exit_info`] may not be used.
    #[must_use]
    pub fn exit_of(&self, process: &Pidfd) -> Option<Termination> {
        exit_of(self.means, process)
    }
}

fn exit_of(means: Means, process: &Pidfd) -> Option<Termination> {
    zombie_end(process).or_else(|| means.exit_info.then(|| kept_end(process))?)
}

/// The end that the kernel keeps for holders of a pidfd when the zombie has gone.
fn kept_end(process: &Pidfd) -> Option<Termination> {
    match sys::exit_status(process) {
        Ok(status) => status.map(termination),
        // Of a pidfd the kernel has no other answer than those that mean "not known".
        Err(error) => {
            tracing::warn!(pid = %process.pid(), %error, "cannot ask how a process ended");
            None
        }
    }
}

/// The end of a process that has not been reaped, by field 52 of its stat (proc(5)), which the
/// kernel shows to those who may trace it and as 0 to others.
fn zombie_end(process: &Pidfd) -> Option<Termination> {
    let pid = model_pid(process.pid());
    let owner = Process::new(pid.get())
        .and_then(|process| process.uid())
        .ok()?;
    let own = rustix::process::geteuid();
    if !own.is_root() && own.as_raw() != owner {
        return None;
    }
    let stat = stat_of(process, pid).ok().flatten()?;
    let status = stat.exit_code.filter(|_| matches!(stat.state, 'Z' | 'X'))?;
    sys::EndStatus::of_wait_status(status).map(termination)
}

/// The end of a child that was taken from us: by a `wait` elsewhere in the program.
pub(crate) fn witnessed(means: Means, child: &Pidfd) -> EndStatus {
    exit_of(means, child).map_or(EndStatus::Lost, EndStatus::Witnessed)
}

pub(crate) fn termination(status: sys::EndStatus) -> Termination {
    match status {
        sys::EndStatus::Exited(code) => Termination::Exited(code),
        sys::EndStatus::Signaled(signal) => Termination::Signaled(signal.into()),
    }
}

pub(crate) fn known(ended: &sys::Ended) -> EndStatus {
    let usage = &ended.usage;
    // None of these is negative.
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let micros = |seconds: i64, micros: i64| count(seconds) * 1_000_000 + count(micros);
    let usage = ResourceUsage {
        cpu_user_us: micros(usage.ru_utime.tv_sec, usage.ru_utime.tv_usec),
        cpu_system_us: micros(usage.ru_stime.tv_sec, usage.ru_stime.tv_usec),
        max_rss_kib: count(usage.ru_maxrss),
        block_inputs: count(usage.ru_inblock),
        block_outputs: count(usage.ru_oublock),
        voluntary_switches: count(usage.ru_nvcsw),
        involuntary_switches: count(usage.ru_nivcsw),
    };
    EndStatus::Known(termination(ended.status), usage)
}

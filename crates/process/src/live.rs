//! What a process uses while it runs.

use std::time::Duration;

use hostledger_model::Pid;
use hostledger_sys::Pidfd;
use procfs::process::{Process, Stat};
use procfs::{ProcError, ProcResult};
use rustix::time::{ClockId, clock_gettime};

use crate::foreign::unreadable;
use crate::identity::model_pid;
use crate::{IdentityError, PidSpace};

/// What a process uses at one moment, without its descendants.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveUsage {
    /// Memory it has resident, in bytes; shared pages count.
    pub rss_bytes: u64,
    /// Address space it has mapped, in bytes.
    pub vms_bytes: u64,
    /// Processor time against the time since its start, in percent of one processor, as ps(1).
    pub cpu_percent: f64,
    /// Its threads.
    pub threads: u64,
    /// Its children, zombies included.
    pub children: Vec<Pid>,
    /// Its open descriptors; none for another user's process, which does not show them.
    pub open_files: Option<usize>,
}

impl PidSpace {
    /// What a process uses now; none when it has ended, as a zombie has.
    ///
    /// It is read by its number and believed only if it is found not to have ended afterwards.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn live_usage(&self, held: &Pidfd) -> Result<Option<LiveUsage>, IdentityError> {
        let pid = model_pid(held.pid());
        let usage = usage_of(pid);
        let ended = held.wait_ended(Some(Duration::ZERO));
        if ended.map_err(|source| IdentityError::Pidfd { pid, source })? {
            return Ok(None);
        }
        usage.map(Some)
    }
}

fn usage_of(pid: Pid) -> Result<LiveUsage, IdentityError> {
    let process = Process::new(pid.get()).map_err(unreadable(pid, "stat"))?;
    let stat = process.stat().map_err(unreadable(pid, "stat"))?;
    Ok(LiveUsage {
        rss_bytes: stat.rss.saturating_mul(procfs::page_size()),
        vms_bytes: stat.vsize,
        cpu_percent: cpu_percent(&stat),
        threads: u64::try_from(stat.num_threads).unwrap_or(0),
        children: children(&process).map_err(unreadable(pid, "task"))?,
        open_files: match process.fd_count() {
            Ok(count) => Some(count),
            Err(ProcError::PermissionDenied(_)) => None,
            Err(source) => return Err(unreadable(pid, "fd")(source)),
        },
    })
}

fn cpu_percent(stat: &Stat) -> f64 {
    let ticks = procfs::ticks_per_second().max(1);
    let seconds = |count: u64| {
        let rest = u32::try_from(count % ticks).unwrap_or(0);
        let whole = Duration::from_secs(count / ticks).as_secs_f64();
        whole + f64::from(rest) / Duration::from_secs(ticks).as_secs_f64()
    };
    let now = Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default();
    // The shortest time that ticks can tell.
    let lived = (now.as_secs_f64() - seconds(stat.starttime)).max(seconds(1));
    100.0 * seconds(stat.utime.saturating_add(stat.stime)) / lived
}

/// Of each thread its own; a thread that ends meanwhile leaves its children to another.
fn children(process: &Process) -> ProcResult<Vec<Pid>> {
    let mut children = Vec::new();
    for task in process.tasks()? {
        let found = match task.and_then(|task| task.children()) {
            Ok(found) => found,
            Err(ProcError::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        let pids = found.into_iter().filter_map(|pid| i32::try_from(pid).ok());
        children.extend(pids.filter_map(Pid::new));
    }
    children.sort_unstable();
    children.dedup();
    Ok(children)
}

//! What our descendants use of the machine. Those that outlive their parents become our children,
//! so that nobody is missed who detaches.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};

/// How long whoever is left may take to end.
const LONG: Duration = Duration::from_secs(30);

/// Between looks at the memory of everybody.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Of USER_HZ, which is 100 on all architectures that we are for (time(7)).
const MILLIS_OF_TICK: f64 = 10.0;

/// The program that the work consists of.
const JOB: &str = "true";

/// Orphans below us come to us.
pub(super) fn adopt_orphans() -> Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Waits until nobody is left below us.
pub(super) fn reap_orphans() -> Result<()> {
    let deadline = Instant::now() + LONG;
    loop {
        match wait(WaitOptions::NOHANG) {
            Err(rustix::io::Errno::CHILD) => return Ok(()),
            Err(rustix::io::Errno::INTR) | Ok(Some(_)) => {}
            Err(error) => return Err(error).context("cannot wait for what is left"),
            Ok(None) if Instant::now() > deadline => bail!("somebody of the work does not end"),
            Ok(None) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Processor time of all children that were waited for, and theirs (proc_pid_stat(5)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    ticks: u64,
}

impl Usage {
    pub(super) fn of_children() -> Result<Self> {
        let stat = fs::read_to_string("/proc/self/stat")?;
        let (_, behind_name) = stat.rsplit_once(") ").context("no name in stat")?;
        let fields: Vec<&str> = behind_name.split(' ').collect();
        let [user, system] = [fields.get(13), fields.get(14)].map(|field| field?.parse().ok());
        let sum = |user: u64, system: u64| user + system;
        let ticks = user.zip(system).map(|(user, system)| sum(user, system));
        Ok(Self {
            ticks: ticks.context("no times in stat")?,
        })
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            ticks: self.ticks - before.ticks,
        }
    }

    pub(super) fn millis(self) -> f64 {
        self.ticks as f64 * MILLIS_OF_TICK
    }
}

/// Does something, and gives the most KiB that were resident meanwhile in all below us together
/// but the jobs.
pub(super) fn watching_memory<T>(act: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(resident());
                thread::sleep(LOOK_AGAIN);
            }
            most
        });
        let acted = act();
        done.store(true, Ordering::Relaxed);
        match watcher.join() {
            Ok(most) => Ok((acted?, most)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

struct Seen {
    parent: i32,
    resident: u64,
    is_job: bool,
}

fn resident() -> u64 {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let seen: HashMap<i32, Seen> = pids
        .filter_map(|pid: i32| Some((pid, Seen::of(pid)?)))
        .collect();
    let own = getpid().as_raw_pid();
    let is_below = |mut pid: i32| {
        for _ in 0..64 {
            match seen.get(&pid) {
                Some(it) if it.parent == own => return true,
                Some(it) => pid = it.parent,
                None => return false,
            }
        }
        false
    };
    let below = seen
        .iter()
        .filter(|(pid, it)| !it.is_job && is_below(**pid));
    below.map(|(_, it)| it.resident).sum()
}

impl Seen {
    fn of(pid: i32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()
        };
        Some(Self {
            parent: field("PPid:")?.parse().ok()?,
            // A zombie has none.
            resident: field("VmRSS:").map_or(Some(0), |kib| kib.parse().ok())?,
            is_job: field("Name:")? == JOB,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_children_use_is_counted_and_watched() {
        let before = Usage::of_children().unwrap();
        let begun = Instant::now();
        assert!(before.since(before).millis() < 1e-9);
        let (slept, _) = watching_memory(|| {
            thread::sleep(Duration::from_millis(20));
            Ok(begun.elapsed())
        })
        .unwrap();
        assert!(slept >= Duration::from_millis(20));
    }
}

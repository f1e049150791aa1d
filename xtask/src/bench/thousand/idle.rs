//! What launcher and keeper do while nothing happens.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use super::crowd::{Crowd, Watched};

/// After a storm of starts, until all is quiet: the logs are looked at once more, say.
const SETTLING: Duration = Duration::from_secs(4);

/// Of both together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Idle {
    /// How often a thread of theirs got a processor.
    pub(super) wakeups: u64,
    /// Milliseconds of a processor.
    pub(super) processor: f64,
}

impl Idle {
    /// Over so many seconds.
    pub(super) fn watch(crowd: &Crowd<'_>, seconds: u64) -> Result<Self> {
        thread::sleep(SETTLING);
        let before = Self::so_far(crowd)?;
        thread::sleep(Duration::from_secs(seconds));
        let after = Self::so_far(crowd)?;
        Ok(Self {
            wakeups: after.wakeups - before.wakeups,
            processor: after.processor - before.processor,
        })
    }

    fn so_far(crowd: &Crowd<'_>) -> Result<Self> {
        let launcher = Self::of(&crowd.launcher)?;
        let keeper = Self::of(crowd.keeper()?)?;
        Ok(Self {
            wakeups: launcher.wakeups + keeper.wakeups,
            processor: launcher.processor + keeper.processor,
        })
    }

    /// By the scheduler's own account: nanoseconds on a processor, nanoseconds of waiting for one,
    /// and how often it got one (sched-stats.rst).
    fn of(watched: &Watched) -> Result<Self> {
        let mut sum = Self {
            wakeups: 0,
            processor: 0.0,
        };
        for thread in fs::read_dir(format!("/proc/{}/task", watched.0))? {
            let line = fs::read_to_string(thread?.path().join("schedstat"))?;
            let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
            let [ran, _, times] = numbers?[..] else {
                bail!("schedstat is {line}");
            };
            sum.processor += ran as f64 / 1e6;
            sum.wakeups += times;
        }
        Ok(sum)
    }
}

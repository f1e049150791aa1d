//! A thousand programs at a time, launched by one program that links the library: how much memory
//! launcher and keeper take, what they do while nothing happens, how long after an end somebody
//! else reads of it, and how long `hostledger stop` takes for all of them.

mod crowd;
mod idle;
mod report;
mod stopped;

use anyhow::Result;

use super::Bench;
use super::place::Place;
use crowd::Crowd;
use idle::Idle;
use stopped::Stopped;

/// With a cgroup for each, and without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    Cgroup,
    Without,
}

/// How much is measured.
struct Amount {
    rounds: usize,
    /// How many run all the time.
    programs: usize,
    /// How many are ended one by one, beside those.
    ends: usize,
    /// How many bytes a child writes.
    written: u64,
    /// For how long nothing happens, in seconds.
    idle: u64,
}

/// What came of a round.
struct Round {
    /// Milliseconds until all were recorded as running.
    started: f64,
    /// Kilobytes: resident, and its proportional share (proc_pid_smaps(5)).
    launcher: [f64; 2],
    keeper: [f64; 2],
    /// Kilobytes that the peaks of both grew by while a child wrote.
    grown: f64,
    idle: Idle,
    /// Milliseconds from each end to when it was read.
    latencies: Vec<f64>,
    stopped: Stopped,
}

pub(super) fn measure(bench: &Bench<'_>, place: &Place<'_>) -> Result<String> {
    let amount = Amount {
        rounds: bench.extent.of(1, 5),
        programs: bench.extent.of(30, 1000),
        ends: bench.extent.of(5, 200),
        written: bench.extent.of(1 << 20, 1 << 30),
        idle: bench.extent.of(1, 10),
    };
    let mut rounds = Vec::new();
    for round in 0..amount.rounds {
        for means in [Means::Cgroup, Means::Without] {
            eprintln!("    round {} of {}: {means:?}", round + 1, amount.rounds);
            rounds.push((means, Round::measure(bench, place, means, &amount)?));
        }
    }
    report::write(&amount, &rounds)
}

impl Round {
    fn measure(
        bench: &Bench<'_>,
        place: &Place<'_>,
        means: Means,
        amount: &Amount,
    ) -> Result<Self> {
        let ledger = place.fresh("ledger")?;
        let mut crowd = Crowd::launch(bench, place, &ledger, means)?;
        let started = crowd.add("sleep 600", amount.programs + amount.ends)?;
        let idle = Idle::watch(&crowd, amount.idle)?;
        let launcher = crowd.launcher.memory()?;
        let keeper = crowd.keeper()?.memory()?;
        let latencies = crowd.time_ends(bench, amount.ends)?;
        let before = crowd.peak()?;
        crowd.run(&format!("head -c {} /dev/zero", amount.written))?;
        let grown = crowd.peak()?.saturating_sub(before) as f64;
        let stopped = Stopped::measure(place, crowd, amount.programs)?;
        Ok(Self {
            started,
            launcher,
            keeper,
            grown,
            idle,
            latencies,
            stopped,
        })
    }
}

//! Many short programs, some at a time: the worker of hostledger against what people use for that,
//! on the same work in turn.

mod peers;
mod report;
mod runner;
mod usage;

use anyhow::Result;

use super::Bench;
use super::disk::Disk;
use super::place::Place;
use crate::extent::Extent;
use runner::{Runner, Work};
use usage::Usage;

/// How many run at the same time.
const AT_ONCE: [usize; 2] = [2, MOST_AT_ONCE];
const MOST_AT_ONCE: usize = 8;

/// What one run of the work cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Milliseconds from the start until all had ended and were recorded.
    millis: f64,
    /// Milliseconds of a processor for each job, everybody included who had to do with it.
    processor: f64,
}

/// A runner at one of [`AT_ONCE`].
struct Column {
    runner: Runner,
    at_once: usize,
    jobs: usize,
    /// One for each round in which it took part.
    costs: Vec<Cost>,
    /// KiB that were resident at most in all its processes together, but for the jobs; looked at
    /// with the most jobs at a time.
    memory: u64,
}

pub(super) fn measure(bench: &Bench<'_>, place: &Place<'_>) -> Result<String> {
    usage::adopt_orphans()?;
    let disk = Disk::make(place)?;
    let (runners, skipped) = peers::present(bench)?;
    let rounds = bench.extent.of(1, 5);
    let mut columns = Vec::new();
    for at_once in AT_ONCE {
        for runner in &runners {
            columns.push(Column::new(*runner, at_once, bench.extent));
        }
    }
    for round in 0..rounds {
        // The other way round every other time.
        let mut order: Vec<usize> = (0..columns.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for number in order {
            let column = &mut columns[number];
            if round < column.runner.rounds(rounds) {
                let cost = column.measure(bench, &disk)?;
                column.costs.push(cost);
            }
        }
        eprintln!("    round {} of {rounds} is over", round + 1);
    }
    for column in columns.iter_mut().filter(|it| it.at_once == MOST_AT_ONCE) {
        column.memory = column.look_at_memory(bench, &disk)?;
    }
    report::write(&disk, rounds, &columns, &skipped)
}

impl Column {
    fn new(runner: Runner, at_once: usize, extent: Extent) -> Self {
        Self {
            runner,
            at_once,
            jobs: extent.of(20, runner.jobs()),
            costs: Vec::new(),
            memory: 0,
        }
    }

    fn work<'w>(&self, bench: &'w Bench<'_>, disk: &'w Disk<'_>) -> Result<Work<'w>> {
        Ok(Work {
            bench,
            directory: disk.fresh()?,
            jobs: self.jobs,
            at_once: self.at_once,
        })
    }

    fn measure(&self, bench: &Bench<'_>, disk: &Disk<'_>) -> Result<Cost> {
        let work = self.work(bench, disk)?;
        let prepared = self.runner.prepare(&work)?;
        let before = Usage::of_children()?;
        let millis = prepared.run()?;
        prepared.end()?;
        usage::reap_orphans()?;
        let used = Usage::of_children()?.since(before);
        Ok(Cost {
            millis,
            processor: used.millis() / self.jobs as f64,
        })
    }

    /// In a run of its own, as the looking costs time.
    fn look_at_memory(&self, bench: &Bench<'_>, disk: &Disk<'_>) -> Result<u64> {
        let work = self.work(bench, disk)?;
        let prepared = self.runner.prepare(&work)?;
        let (_, memory) = usage::watching_memory(|| prepared.run())?;
        prepared.end()?;
        usage::reap_orphans()?;
        Ok(memory)
    }
}

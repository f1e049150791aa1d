//! The section of the document, from what was measured.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::runner::Runner;
use super::{AT_ONCE, Column};
use crate::bench::disk::Disk;
use crate::bench::statistics::Spread;

/// Where the time goes, as somebody has looked it up.
const PROFILE: &str = include_str!("profile.md");

/// Something that must not be less, or not be more.
struct Budget {
    what: &'static str,
    at_once: usize,
    ours: Runner,
    against: Runner,
    /// What is compared: how fast, or how much of a processor.
    of: Of,
    bound: f64,
    stretch: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Of {
    /// So many times as many jobs in the same time, at least.
    Speed,
    /// So many times as much processor time, at most.
    Processor,
}

const fn ours(cgroup: bool, full: bool) -> Runner {
    Runner::Ours { cgroup, full }
}

const BUDGETS: &[Budget] = &[
    Budget {
        what: "speed, with cgroups, of `xargs -P8`",
        at_once: 8,
        ours: ours(true, false),
        against: Runner::Xargs,
        of: Of::Speed,
        bound: 1.0,
        stretch: Some(1.3),
    },
    Budget {
        what: "speed, without cgroups, of `xargs -P2`",
        at_once: 2,
        ours: ours(false, false),
        against: Runner::Xargs,
        of: Of::Speed,
        bound: 1.0,
        stretch: Some(1.15),
    },
    Budget {
        what: "speed, with cgroups, of `xargs -P2`",
        at_once: 2,
        ours: ours(true, false),
        against: Runner::Xargs,
        of: Of::Speed,
        bound: 0.85,
        stretch: Some(1.0),
    },
    Budget {
        what: "speed of FULL, with cgroups, of our NORMAL, 8 at a time",
        at_once: 8,
        ours: ours(true, true),
        against: ours(true, false),
        of: Of::Speed,
        bound: 0.9,
        stretch: None,
    },
    Budget {
        what: "speed of FULL, without cgroups, of our NORMAL, 2 at a time",
        at_once: 2,
        ours: ours(false, true),
        against: ours(false, false),
        of: Of::Speed,
        bound: 0.9,
        stretch: None,
    },
    Budget {
        what: "processor time, without cgroups, of the Python loop's, 2 at a time",
        at_once: 2,
        ours: ours(false, false),
        against: Runner::Python,
        of: Of::Processor,
        bound: 1.1,
        stretch: Some(0.85),
    },
    Budget {
        what: "processor time, with cgroups, of the Python loop's, 8 at a time",
        at_once: 8,
        ours: ours(true, false),
        against: Runner::Python,
        of: Of::Processor,
        bound: 1.1,
        stretch: Some(0.85),
    },
];

pub(super) fn write(
    disk: &Disk<'_>,
    rounds: usize,
    columns: &[Column],
    skipped: &[String],
) -> Result<String> {
    let mut text = format!(
        "`/bin/true`, {rounds} rounds of all in turn, the other way round every other time, each in a\n\
         directory of its own on {}.\n\
         Queues are filled beforehand. Told is the whole process from its start until all is recorded.\n\
         Processor time is that of everybody who has to do with it, the jobs included, by what the\n\
         kernel tells the parent; memory is the most that was resident in all of them together, but for\n\
         the jobs. Our programs write two log files each and have a keeper; the peers' do not.\n\n",
        disk.told()
    );
    budgets(&mut text, columns)?;
    for at_once in AT_ONCE {
        table(&mut text, columns, at_once)?;
    }
    for reason in skipped {
        writeln!(text, "\n{reason}")?;
    }
    text.push_str(PROFILE);
    Ok(text)
}

fn find(columns: &[Column], runner: Runner, at_once: usize) -> Result<&Column> {
    let mut columns = columns.iter();
    columns
        .find(|column| column.runner == runner && column.at_once == at_once)
        .context("it was not measured")
}

fn budgets(text: &mut String, columns: &[Column]) -> Result<()> {
    text.push_str("| what | ours | budget | aim |\n| --- | --: | --- | --- |\n");
    for budget in BUDGETS {
        let ours = find(columns, budget.ours, budget.at_once)?;
        let against = find(columns, budget.against, budget.at_once)?;
        let ratio = ratio(ours, against, budget.of)?;
        let (bound, met) = match budget.of {
            Of::Speed => ("≥", ratio.median >= budget.bound),
            Of::Processor => ("≤", ratio.median <= budget.bound),
        };
        let met = if met { "met" } else { "missed" };
        let stretch = budget.stretch.map_or_else(String::new, |it| it.to_string());
        writeln!(
            text,
            "| {} | **{ratio:.2}** | {bound} {}, {met} | {stretch} |",
            budget.what, budget.bound
        )?;
    }
    Ok(())
}

/// Round by round, per job.
fn ratio(ours: &Column, against: &Column, of: Of) -> Result<Spread> {
    let rounds = ours.costs.iter().zip(&against.costs);
    let ratios = rounds.map(|(it, other)| match of {
        Of::Speed => (other.millis / against.jobs as f64) / (it.millis / ours.jobs as f64),
        Of::Processor => it.processor / other.processor,
    });
    Spread::of(ratios).context("no round was measured")
}

fn table(text: &mut String, columns: &[Column], at_once: usize) -> Result<()> {
    writeln!(
        text,
        "\n### {at_once} at a time\n\n\
         | who | jobs | jobs/s | speed of xargs | of the Python loop | processor ms a job | memory MiB |\n\
         | --- | --: | --: | --: | --: | --: | --: |"
    )?;
    let xargs = find(columns, Runner::Xargs, at_once)?;
    let python = find(columns, Runner::Python, at_once)?;
    for column in columns.iter().filter(|column| column.at_once == at_once) {
        let costs = column.costs.iter();
        let speeds = costs.clone().map(|it| column.jobs as f64 * 1e3 / it.millis);
        let speed = Spread::of(speeds).context("no round was measured")?;
        let processor = Spread::of(costs.map(|it| it.processor)).context("as many")?;
        let memory = match column.memory {
            0 => String::new(),
            kib => format!("{:.1}", kib as f64 / 1024.0),
        };
        writeln!(
            text,
            "| {} | {} | {speed:.0} | **{:.2}** | {:.2} | {processor:.2} | {memory} |",
            column.runner.name(),
            column.jobs,
            ratio(column, xargs, Of::Speed)?,
            ratio(column, python, Of::Speed)?.median,
        )?;
    }
    Ok(())
}

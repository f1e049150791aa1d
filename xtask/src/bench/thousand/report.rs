//! The section of the document, from what was measured.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::{Amount, Means, Round};
use crate::bench::statistics::{Spread, percentile};
use crate::bench::verdict;

/// Milliseconds from an end to when it is read: half of them, and all but one of a hundred.
const LATENCY: [f64; 2] = [2.0, 10.0];
/// MiB of launcher and keeper together, resident.
const MEMORY: f64 = 40.0;
/// MiB by which that may grow while a child writes.
const GROWTH: f64 = 2.0;

pub(super) fn write(amount: &Amount, rounds: &[(Means, Round)]) -> Result<String> {
    let Amount {
        programs,
        ends,
        idle,
        ..
    } = amount;
    let mut text = format!(
        "{} rounds of each, in turn: one program that links the library (`launch_many`, an example)\n\
         launches {} times `sleep`; {ends} of these are killed one by one, the others stopped together\n\
         by `hostledger stop`.\n\n\
         | what | with cgroups | without | budget |\n\
         | --- | --: | --: | --- |\n",
        amount.rounds,
        programs + ends,
    );
    let of = |means, number: fn(&Round) -> f64| -> Result<Spread> {
        let rounds = rounds.iter().filter(|(of, _)| *of == means);
        Spread::of(rounds.map(|(_, round)| number(round))).context("no round was measured")
    };
    let mut row = |what: &str, number: fn(&Round) -> f64, digits, budget: Option<(f64, &str)>| {
        let with = of(Means::Cgroup, number)?;
        let without = of(Means::Without, number)?;
        let budget = budget.map_or_else(String::new, |(budget, unit)| {
            let worse = with.median.max(without.median);
            format!("{budget} {unit}, {}", verdict(worse, budget))
        });
        writeln!(
            text,
            "| {what} | {with:.digits$} | {without:.digits$} | {budget} |"
        )?;
        anyhow::Ok(())
    };
    row(
        "until all are recorded as running, ms",
        |it| it.started,
        0,
        None,
    )?;
    row(
        "memory of launcher and keeper, resident, MiB",
        |it| (it.launcher[0] + it.keeper[0]) / 1024.0,
        1,
        Some((MEMORY, "MiB")),
    )?;
    row("of that the keeper", |it| it.keeper[0] / 1024.0, 1, None)?;
    row(
        "their share of it, by what is shared with others (PSS), MiB",
        |it| (it.launcher[1] + it.keeper[1]) / 1024.0,
        1,
        None,
    )?;
    let written = format!(
        "growth of the largest resident sets while a child writes {} MiB, MiB",
        amount.written >> 20
    );
    row(&written, |it| it.grown / 1024.0, 1, Some((GROWTH, "MiB")))?;
    let wakeups = format!("wake-ups of both in {idle} s in which nothing happens");
    row(
        &wakeups,
        |it| it.idle.wakeups as f64,
        0,
        Some((0.0, "wake-ups")),
    )?;
    let processor = format!("processor time of both in those {idle} s, ms");
    row(&processor, |it| it.idle.processor, 2, None)?;
    row(
        "`hostledger stop`, from start to end, ms",
        |it| it.stopped.ended,
        0,
        None,
    )?;
    row(
        "until every end is recorded, ms",
        |it| it.stopped.recorded,
        0,
        None,
    )?;
    row(
        "against: kill(2) and wait(2) of as many bare children, ms",
        |it| it.stopped.bare,
        0,
        None,
    )?;
    row(
        "ratio of `hostledger stop` to that",
        |it| it.stopped.ended / it.stopped.bare,
        1,
        None,
    )?;
    latencies(&mut text, programs, rounds)?;
    Ok(text)
}

fn latencies(text: &mut String, programs: &usize, rounds: &[(Means, Round)]) -> Result<()> {
    write!(
        text,
        "\nFrom SIGKILL to a program until another process reads in the ledger that it has ended, with\n\
         {programs} others running, in milliseconds. It looks every 0.1 ms; that is part of the figure.\n\n\
         | | ends | median | 90 % | 99 % | longest | budget |\n\
         | --- | --: | --: | --: | --: | --: | --- |\n"
    )?;
    for (means, name) in [(Means::Cgroup, "with cgroups"), (Means::Without, "without")] {
        let times = rounds.iter().filter(|(of, _)| *of == means);
        let times: Vec<f64> = times.flat_map(|(_, it)| it.latencies.clone()).collect();
        let at = |percent| percentile(&times, percent).context("no end was timed");
        let [half, most] = LATENCY;
        writeln!(
            text,
            "| {name} | {} | **{:.2}** | {:.2} | **{:.2}** | {:.2} | median {half} ms, {}; 99 % {most} ms, {} |",
            times.len(),
            at(50)?,
            at(90)?,
            at(99)?,
            at(100)?,
            verdict(at(50)?, half),
            verdict(at(99)?, most),
        )?;
    }
    Ok(())
}

//! `hostledger cleanup` ends what has outlived its time while nobody was left to watch it: its
//! launcher and its keeper were killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Means;
use super::case::{Count, command};
use super::ending::start;
use super::shape::Shape;
use crate::held::Held;
use crate::torture::Bench;
use crate::torture::place::Place;
use crate::waiting::{LONG, within};

/// A row is stopped when its timeout is over by 30 seconds.
const OVERDUE: Duration = Duration::from_secs(32);

/// One tree of each shape that stays, with a cgroup and without.
pub(super) fn prove(bench: &Bench<'_>, shapes: &[Shape]) -> Result<Vec<(String, Count)>> {
    let staying = shapes.iter().filter(|shape| shape.is_settled());
    let (mut abandoned, mut counts) = (Vec::new(), Vec::new());
    let mut last = Instant::now();
    for shape in staying {
        for means in Means::ALL {
            let place = Place::make(bench)?.without(means.disabled());
            let what = format!("{}, cleanup, {means:?}", shape.name);
            match abandon(&place, shape) {
                Ok(()) => abandoned.push((what, place)),
                Err(error) => counts.push((what, Count::failed(&error))),
            }
            last = Instant::now();
        }
    }
    std::thread::sleep(OVERDUE.saturating_sub(last.elapsed()));
    for (what, place) in abandoned {
        let cleaned = place.hostledger().args("cleanup").output();
        let mut count = Count::of(&place)?;
        if let Err(error) = cleaned {
            count.wrong.push(format!("{error:#}"));
        }
        if let Some(record) = place.running()?.first() {
            count.wrong.push(format!("said to run: {}", record.0));
        }
        counts.push((what, count));
    }
    Ok(counts)
}

/// Leaves a tree behind with nobody who knows of it but the ledger.
fn abandon(place: &Place<'_>, shape: &Shape) -> Result<()> {
    let run = start(place, "run --timeout 1s --", &command(place, shape))?;
    let launcher = Held::open(run.id().cast_signed()).context("it has not been waited for")?;
    let mut keeper = None;
    within(LONG, || {
        keeper = Held::keeper_of(launcher.pid());
        keeper.is_some() || launcher.has_ended()
    });
    let keeper = keeper.context("a launcher without a keeper")?;
    place.wait_there(shape.awaited)?;
    keeper.kill()?;
    launcher.kill()?;
    run.wait_with_output()?;
    Ok(())
}

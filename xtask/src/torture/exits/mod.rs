//! No exit code is lost, made up, or of somebody else: programs with codes and signals of all
//! kinds, launched by many at once, while launchers and keepers are killed.

mod death;
mod judge;
mod launch;
mod plan;

use anyhow::{Result, bail};

use super::place::Place;
use super::random::Random;
use super::verdict::Verdict;
use super::{Bench, parallel};
use crate::waiting::{LONG, within};
use judge::Tally;
pub(super) use judge::number_of;
pub(super) use plan::End;
use plan::Plan;

/// So many launchers at a time.
const AT_ONCE: usize = 8;

/// Launches all of it in one ledger, kills in between, and looks at what is recorded.
pub(super) fn prove(bench: &Bench<'_>) -> Result<Verdict> {
    let plan = Plan::make(
        bench.extent.of(300, 2000),
        bench.extent.of(80, 400),
        &mut Random::new(bench.seed, 1),
    );
    let place = Place::make(bench)?;
    std::fs::create_dir(place.path("runs"))?;
    // So that all find a ledger that is there.
    place.hostledger().args("ps").output()?;
    let told = parallel::each(plan.launches, AT_ONCE, |launch| {
        launch::carry_out(&place, &launch)
    })?;
    settle(&place)?;
    let mut tally = Tally::of(&place, told)?;
    tally.left_running(&place);
    Ok(tally.verdict())
}

/// Every program has ended by now or soon; then the ledger is put in order.
fn settle(place: &Place<'_>) -> Result<()> {
    let ended = within(LONG, || place.is_quiet().unwrap_or(false));
    if !ended {
        bail!("programs run that should have ended: {:?}", place.living()?);
    }
    place.hostledger().args("cleanup").output().map(drop)
}

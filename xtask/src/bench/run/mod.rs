//! One program through the command line, against the program alone.

mod account;
mod comparison;
mod report;

use anyhow::Result;

use super::Bench;
use super::place::Place;
use comparison::COMPARISONS;

/// Measures each pair, and what hostledger uses by its own account.
pub(super) fn measure(bench: &Bench<'_>, place: &Place<'_>) -> Result<String> {
    let rounds = bench.extent.of(3, 151);
    let mut measured = Vec::new();
    for comparison in COMPARISONS {
        eprintln!("    {rounds} rounds: {}", comparison.what);
        measured.push((comparison, comparison.measure(place, rounds)?));
    }
    eprintln!("    {rounds} rounds: processor time and memory");
    let account = account::measure(place, rounds)?;
    Ok(report::write(rounds, &measured, &account)?)
}

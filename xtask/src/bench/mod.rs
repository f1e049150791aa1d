//! `cargo xtask bench`: what it costs to run programs through the ledger, measured on this host and
//! written to docs/benchmarks.md.
//!
//! Only what is measured in the same seconds can be compared: ours and its peer run in turn, and
//! the median of their differences and ratios is told.

mod claims;
mod conditions;
mod disk;
mod document;
mod growth;
mod place;
mod programs;
mod queue;
mod request;
mod run;
mod server;
mod statistics;
mod thousand;
mod tree;

use anyhow::Result;

use crate::extent::Extent;
use crate::workspace::Workspace;
use conditions::Conditions;
use document::Document;
use place::Place;
use programs::Programs;
pub(crate) use request::{Measurement, Subject};

/// What every measurement is given.
struct Bench<'w> {
    workspace: &'w Workspace,
    programs: Programs,
    extent: Extent,
}

/// The short form of all, as a step of CI.
///
/// # Errors
/// As for [`run()`].
pub(crate) fn short(workspace: &Workspace) -> Result<()> {
    run(workspace, &Measurement::short())
}

/// Builds the programs, measures what was asked for, and writes down what came of it; the short
/// form writes nothing.
///
/// # Errors
/// Something does not build, a program that is measured fails, or the document cannot be written.
pub(crate) fn run(workspace: &Workspace, request: &Measurement) -> Result<()> {
    let bench = Bench {
        workspace,
        programs: Programs::build(workspace, request.extent, &request.subjects)?,
        extent: request.extent,
    };
    for subject in &request.subjects {
        let place = Place::make(&bench)?;
        let conditions = Conditions::look(workspace, &place)?;
        let text = subject.measure(&bench, &place)?;
        let text = format!("{text}\n{}", conditions.table());
        eprintln!("\n{text}");
        if bench.extent == Extent::Long {
            let mut document = Document::read(workspace)?;
            document.replace(*subject, text);
            document.write(workspace)?;
            eprintln!("    written to {}", document::PATH);
        }
    }
    Ok(())
}

impl Subject {
    /// Its section of the document, but for where it was measured.
    fn measure(self, bench: &Bench<'_>, place: &Place<'_>) -> Result<String> {
        match self {
            Self::Run => run::measure(bench, place),
            Self::Thousand => thousand::measure(bench, place),
            Self::Tree => tree::measure(bench),
            Self::Queue => queue::measure(bench, place),
            Self::Claims => claims::measure(bench, place),
            Self::Growth => growth::measure(bench, place),
        }
    }
}

/// Whether a budget is kept.
fn verdict(value: f64, budget: f64) -> &'static str {
    if value <= budget { "met" } else { "missed" }
}

//! `cargo xtask bench`: what it costs to run a program through the ledger, measured on this host
//! and written to docs/benchmarks.md.
//!
//! Only differences mean something: ours and what it is compared with run in turn, in the same
//! seconds, and the median of their differences and ratios is told.

mod account;
mod comparison;
mod conditions;
mod place;
mod report;
mod statistics;

use anyhow::{Context, Result};

use crate::program::Program;
use crate::workspace::Workspace;
use comparison::COMPARISONS;
use conditions::Conditions;
use place::Place;

const DOCUMENT: &str = "docs/benchmarks.md";

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Enough to see a budget missed by far: seconds.
    Short,
    /// Enough to tell small differences: about a minute.
    Long,
}

impl Length {
    /// How often each pair is measured.
    fn rounds(self) -> usize {
        match self {
            Self::Short => 15,
            Self::Long => 151,
        }
    }

    /// The arguments of xtask that ask for it.
    fn command(self) -> &'static str {
        match self {
            Self::Short => "cargo xtask bench",
            Self::Long => "cargo xtask bench long",
        }
    }
}

/// Builds the released program, measures it, and writes down what came of it.
///
/// # Errors
/// It does not build, a program that is measured fails, or the document cannot be written.
pub(crate) fn run(workspace: &Workspace, length: Length) -> Result<()> {
    Program::cargo(workspace)
        .args("build --release --package hostledger-cli")
        .run()?;
    let place = Place::make(workspace)?;
    let conditions = Conditions::look(workspace, &place)?;
    let mut measured = Vec::new();
    for comparison in COMPARISONS {
        eprintln!("    {} rounds: {}", length.rounds(), comparison.what);
        measured.push((comparison, comparison.measure(&place, length.rounds())?));
    }
    eprintln!("    {} rounds: processor time and memory", length.rounds());
    let account = account::measure(&place, length.rounds())?;
    let text = report::write(length, &conditions, &measured, &account)?;
    let path = workspace.root.join(DOCUMENT);
    std::fs::write(&path, &text).with_context(|| format!("{path} cannot be written"))?;
    eprintln!("{text}\n    written to {DOCUMENT}");
    Ok(())
}

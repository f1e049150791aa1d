//! Two programs, run in turn.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::bench::place::Place;
use crate::bench::statistics::Spread;
use crate::program::Program;

/// Rounds at the beginning that do not count: the files get into memory.
const WARM_UP: usize = 2;

/// What is measured, against what.
pub(super) struct Comparison {
    /// What the difference tells.
    pub(super) what: &'static str,
    /// Ours.
    pub(super) ours: Run,
    /// What it is compared with.
    pub(super) against: Run,
    /// Milliseconds that the difference may have; none when nothing is promised.
    pub(super) budget: Option<f64>,
}

/// A program to be timed from its start to its end.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Somebody else's program, with its arguments.
    Bare(&'static str),
    /// Ours, on a ledger that holds one record already.
    Warm(&'static str),
    /// Ours, on a ledger that is made by it.
    Cold(&'static str),
}

pub(super) const COMPARISONS: &[Comparison] = &[
    Comparison {
        what: "a program run through the ledger",
        ours: Run::Warm("run -- true"),
        against: Run::Bare("true"),
        budget: Some(12.0),
    },
    Comparison {
        what: "the same, with the ledger made on the way",
        ours: Run::Cold("run -- true"),
        against: Run::Bare("true"),
        budget: None,
    },
    Comparison {
        what: "detecting and recording the machine",
        ours: Run::Cold("machine --json"),
        // Makes the ledger as well, and looks at no machine.
        against: Run::Cold("ps"),
        budget: Some(5.0),
    },
    Comparison {
        what: "finding the machine in the ledger",
        ours: Run::Warm("machine --json"),
        against: Run::Warm("ps"),
        budget: None,
    },
    Comparison {
        what: "opening a ledger and reading it",
        ours: Run::Warm("ps"),
        // Starts and ends, and opens nothing.
        against: Run::Bare("hostledger --version"),
        budget: None,
    },
    Comparison {
        what: "making a ledger",
        ours: Run::Cold("ps"),
        against: Run::Warm("ps"),
        budget: None,
    },
    Comparison {
        what: "starting hostledger itself",
        ours: Run::Bare("hostledger --version"),
        against: Run::Bare("true"),
        budget: None,
    },
];

/// What came of a comparison.
pub(super) struct Measured {
    /// Milliseconds that ours took.
    pub(super) ours: Spread,
    /// Milliseconds that the other took.
    pub(super) against: Spread,
    /// Milliseconds that ours took more, in the same round.
    pub(super) difference: Spread,
    /// How many times as long ours took, in the same round.
    pub(super) ratio: Spread,
}

impl Comparison {
    /// Runs the two in turn, every other round the other one first.
    pub(super) fn measure(&self, place: &Place<'_>, rounds: usize) -> Result<Measured> {
        let mut pairs = Vec::with_capacity(rounds);
        for round in 0..WARM_UP + rounds {
            let ours_first = round % 2 == 0;
            let first = (ours_first, time(self.in_turn(ours_first), place)?);
            let second = (!ours_first, time(self.in_turn(!ours_first), place)?);
            let pair = if first.0 {
                (first.1, second.1)
            } else {
                (second.1, first.1)
            };
            if round >= WARM_UP {
                pairs.push(pair);
            }
        }
        Measured::of(&pairs).context("no round was measured")
    }

    fn in_turn(&self, ours: bool) -> Run {
        if ours { self.ours } else { self.against }
    }
}

impl Measured {
    fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let spread = |of: fn(&(f64, f64)) -> f64| Spread::of(pairs.iter().map(of));
        Some(Self {
            ours: spread(|(ours, _)| *ours)?,
            against: spread(|(_, against)| *against)?,
            difference: spread(|(ours, against)| ours - against)?,
            ratio: spread(|(ours, against)| ours / against)?,
        })
    }
}

/// Milliseconds from the start to the end of one run; what it needs is prepared before.
fn time(run: Run, place: &Place<'_>) -> Result<f64> {
    let ledger = place.fresh("ledger")?;
    let program = match run {
        Run::Bare(line) => bare(place, line),
        Run::Cold(line) => place.hostledger(&ledger).args(line),
        Run::Warm(line) => {
            warm(place, &ledger)?;
            place.hostledger(&ledger).args(line)
        }
    };
    let started = Instant::now();
    program.output()?;
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

fn bare(place: &Place<'_>, line: &str) -> Program {
    let (program, arguments) = line.split_once(' ').unwrap_or((line, ""));
    let program = if program == "hostledger" {
        place.built()
    } else {
        Path::new(program)
    };
    place.program(program).args(arguments)
}

/// Makes a ledger that knows its machine and holds one process.
pub(super) fn warm(place: &Place<'_>, ledger: &Path) -> Result<()> {
    place
        .hostledger(ledger)
        .args("run -- true")
        .output()
        .map(drop)
}

impl Run {
    /// As it is written in a shell.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Bare(line) => line.to_owned(),
            Self::Warm(line) => format!("hostledger {line}"),
            Self::Cold(line) => format!("hostledger {line} (new ledger)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_and_ratios_are_taken_round_by_round() {
        // The host is twice as fast in one round; of each column alone the middle is another.
        let measured = Measured::of(&[(3.0, 1.0), (6.0, 4.0), (9.0, 7.0)]).unwrap();
        assert!((measured.difference.median - 2.0).abs() < 1e-9);
        assert!((measured.ratio.median - 1.5).abs() < 1e-9);
        assert!(Measured::of(&[]).is_none());
    }
}

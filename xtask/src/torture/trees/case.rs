//! One tree, and its end.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

use super::Means;
use super::ending::Ending;
use super::shape::Shape;
use crate::torture::Bench;
use crate::torture::place::Place;

/// What is tried.
#[derive(Debug)]
pub(super) struct Case<'s> {
    pub(super) shape: &'s Shape,
    pub(super) ending: Ending,
    pub(super) means: Means,
}

/// What was counted.
#[derive(Debug, Default)]
pub(in crate::torture) struct Count {
    /// How many had come to stay.
    pub(in crate::torture) processes: usize,
    /// Who was there right after the end, and gone a moment later.
    pub(in crate::torture) late: Vec<String>,
    /// Who stayed.
    pub(in crate::torture) survivors: Vec<String>,
    /// What else was not as it should be.
    pub(in crate::torture) wrong: Vec<String>,
}

/// What was born while the others were looked for is seen after this time, and what has been sent
/// SIGKILL is gone.
const A_MOMENT: Duration = Duration::from_millis(400);

impl Case<'_> {
    /// A place, a tree, an end, a count.
    pub(super) fn carry_out(&self, bench: &Bench<'_>) -> Result<Count> {
        let place = Place::make(bench)?.without(self.means.disabled());
        let command = command(&place, self.shape);
        let ended = self
            .ending
            .start_and_end(&place, &command, self.shape.awaited);
        let mut count = Count::of(&place)?;
        if let Err(error) = ended {
            count.wrong.push(format!("{error:#}"));
        }
        Ok(count)
    }
}

/// The command line of a shape in a place.
pub(super) fn command(place: &Place<'_>, shape: &Shape) -> Vec<String> {
    let role: Vec<&str> = shape.role.iter().map(String::as_str).collect();
    place
        .offspring(&role)
        .into_iter()
        .flat_map(|word| match word.as_str() {
            "LEDGER" => place.ledger_words(),
            "OFFSPRING" => place.offspring(&[]),
            _ => vec![word],
        })
        .collect()
}

impl Count {
    /// Of what could not be tried.
    pub(super) fn failed(error: &anyhow::Error) -> Self {
        Self {
            wrong: vec![format!("{error:#}")],
            ..Self::default()
        }
    }

    /// Looks at once, and again a moment later.
    pub(in crate::torture) fn of(place: &Place<'_>) -> Result<Self> {
        let first = place.living()?;
        std::thread::sleep(A_MOMENT);
        let (mut late, mut survivors) = (Vec::new(), Vec::new());
        for living in first.iter().filter(|it| !it.is_ledger) {
            if living.has_ended() {
                late.push(living.to_string());
            }
        }
        for living in place.living()?.iter().filter(|it| !it.is_ledger) {
            survivors.push(living.to_string());
        }
        Ok(Self {
            processes: place.there(),
            late,
            survivors,
            wrong: Vec::new(),
        })
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            shape,
            ending,
            means,
        } = self;
        write!(f, "{}, {ending:?}, {means:?}", shape.name)
    }
}

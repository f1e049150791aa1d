//! What is done to the recorded process, when its pid is somebody else's.

use std::fmt;

use anyhow::Result;

use crate::torture::place::Place;

/// A command line of hostledger; `ID` stands for the record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action(&'static str);

pub(super) const ACTIONS: [Action; 8] = [
    Action("kill ID"),
    Action("kill --signal TERM ID"),
    Action("kill --signal KILL ID"),
    Action("kill --tree --grace 100ms ID"),
    Action("kill --grace 100ms ID"),
    Action("stop"),
    Action("cleanup"),
    Action("wait --timeout 2s ID"),
];

impl Action {
    /// It may well be refused: there is nothing to be done any more.
    ///
    /// # Errors
    /// hostledger cannot be run.
    pub(super) fn carry_out(self, place: &Place<'_>, id: &str) -> Result<()> {
        let words = self.0.split(' ').map(|word| match word {
            "ID" => id,
            word => word,
        });
        place.hostledger().words(words).ended().map(drop)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`hostledger {}`", self.0)
    }
}

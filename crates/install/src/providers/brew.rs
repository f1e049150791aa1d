//! Formulas of Homebrew's.

use super::run::{found, run, tool};
use crate::{BinaryProvider, Found, Request, Runner, Unsuccessful};

/// Installs formulas with Homebrew.
pub(crate) struct Brew;

impl BinaryProvider for Brew {
    fn name(&self) -> &str {
        "brew"
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let brew = tool(request, "brew")?;
        let order = request
            .order(self.name(), &brew)
            .args(["install", "--quiet"])
            .args(request.packages(self.name()))
            .variable("NONINTERACTIVE", "1")
            .variable("HOMEBREW_NO_ANALYTICS", "1");
        run(order, runner)?;
        // Beside itself: `<prefix>/bin`.
        let bin = brew.parent().map(ToOwned::to_owned);
        found(request, self.name(), &Vec::from_iter(bin))
    }
}

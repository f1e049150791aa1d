//! Formulas of Homebrew's.

use std::path::Path;

use super::run::{found, run, tool};
use crate::{BinaryProvider, Found, Request, RunError, Runner, Unsuccessful};

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

    /// Of the first formula: `brew list --versions` says its name and its versions.
    fn version(
        &self,
        request: &Request<'_>,
        _: &Path,
        runner: &dyn Runner,
    ) -> Result<Option<String>, RunError> {
        let packages = request.packages(self.name());
        let package = packages.iter().find(|it| !it.starts_with('-'));
        let (Some(package), Some(brew)) = (package, request.place.on_path("brew")) else {
            return Ok(None);
        };
        let order = request.order(self.name(), &brew);
        let process = runner.run(order.args(["list", "--versions", package]))?;
        Ok(process.stdout.split_whitespace().last().map(str::to_owned))
    }
}

//! Packages of Node's.

use super::run::{found, run, tool};
use super::turn::wait_for_turn;
use crate::{BinaryProvider, Found, Request, Runner, Unsuccessful};

/// Installs packages below `<data>/lib/npm`.
pub(crate) struct Npm;

impl BinaryProvider for Npm {
    fn name(&self) -> &str {
        "npm"
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let npm = tool(request, "npm")?;
        let prefix = request.place.lib().join("npm");
        let _ours = wait_for_turn(&prefix)?;
        let order = request
            .order(self.name(), &npm)
            .args(["install", "--no-fund", "--no-audit", "--loglevel=error"])
            .args(["--prefix".into(), prefix.clone().into_os_string()])
            .args(request.packages(self.name()))
            .variable("npm_config_update_notifier", "false");
        run(order, runner)?;
        found(request, self.name(), &[prefix.join("node_modules/.bin")])
    }
}

//! Crates of Rust's.

use super::run::{found, run, tool};
use crate::{BinaryProvider, Found, Request, Runner, Unsuccessful};

/// Installs crates below `<data>/lib/cargo`: built ones where cargo-binstall is there, else built
/// here.
pub(crate) struct Cargo;

impl BinaryProvider for Cargo {
    fn name(&self) -> &str {
        "cargo"
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let cargo = tool(request, "cargo")?;
        let root = request.place.lib().join("cargo");
        let order = match request.place.on_path("cargo-binstall") {
            Some(binstall) => request
                .order(self.name(), &binstall)
                .args(["--no-confirm", "--disable-telemetry"]),
            None => request
                .order(self.name(), &cargo)
                .args(["install", "--quiet"]),
        };
        let order = order
            .args(["--root".into(), root.clone().into_os_string()])
            .args(request.packages(self.name()));
        run(order, runner)?;
        found(request, self.name(), &[root.join("bin")])
    }
}

//! Crates of Rust's.

use std::path::Path;

use super::run::{found, run, tool};
use crate::{BinaryProvider, Found, Request, RunError, Runner, Unsuccessful};

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

    /// Of the crate that has brought the program.
    fn version(
        &self,
        request: &Request<'_>,
        program: &Path,
        runner: &dyn Runner,
    ) -> Result<Option<String>, RunError> {
        let Some(cargo) = request.place.on_path("cargo") else {
            return Ok(None);
        };
        let root = request.place.lib().join("cargo").into_os_string();
        let order = request.order(self.name(), &cargo);
        let order = order.args(["install".into(), "--list".into(), "--root".into(), root]);
        let process = runner.run(order)?;
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        Ok(version_in(&process.stdout, &name))
    }
}

/// Out of the list of crates, each with its programs below: `tiny v0.1.0:`, then `    tiny`.
fn version_in(list: &str, program: &str) -> Option<String> {
    let mut version = None;
    for line in list.lines() {
        if !line.starts_with(' ') {
            let found = line.split_whitespace().nth(1);
            version = found.map(|it| it.trim_start_matches('v').trim_end_matches(':'));
        } else if line.trim() == program {
            return version.map(str::to_owned);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_the_version_of_its_crate() {
        let list = "ripgrep v14.1.0:\n    rg\ntiny-cli v0.2.0 (/src/tiny):\n    other\n    tiny\n";
        assert_eq!(version_in(list, "tiny").as_deref(), Some("0.2.0"));
        assert_eq!(version_in(list, "rg").as_deref(), Some("14.1.0"));
        assert_eq!(version_in(list, "ripgrep"), None);
    }
}

//! Packages of Node's.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::run::{found, run, tool};
use super::turn::wait_for_turn;
use crate::{BinaryProvider, Found, Request, RunError, Runner, Unsuccessful};

/// Installs packages below `<data>/lib/npm`.
pub(crate) struct Npm;

impl BinaryProvider for Npm {
    fn name(&self) -> &str {
        "npm"
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let npm = tool(request, "npm")?;
        let prefix = request.place.lib().join("npm");
        let _ours = wait_for_turn(self.name(), &prefix.join(".lock"), runner)?;
        let order = request
            .order(self.name(), &npm)
            .args(["install", "--no-fund", "--no-audit", "--loglevel=error"])
            .args(["--prefix".into(), prefix.clone().into_os_string()])
            .args(request.packages(self.name()))
            .variable("npm_config_update_notifier", "false");
        run(order, runner)?;
        found(request, self.name(), &[prefix.join("node_modules/.bin")])
    }

    /// Of the first package, as it says itself where npm has put it.
    fn version(
        &self,
        request: &Request<'_>,
        _: &Path,
        _: &dyn Runner,
    ) -> Result<Option<String>, RunError> {
        let packages = request.packages(self.name());
        let Some(package) = packages.iter().find(|it| !it.starts_with('-')) else {
            return Ok(None);
        };
        let modules = request.place.lib().join("npm/node_modules");
        let text = fs::read_to_string(modules.join(package_name(package)).join("package.json"));
        let manifest: Option<Value> = text.ok().and_then(|text| serde_json::from_str(&text).ok());
        let version = manifest.as_ref().and_then(|it| it["version"].as_str());
        Ok(version.map(str::to_owned))
    }
}

/// The name of a package, scope and all, without the version behind it.
fn package_name(package: &str) -> &str {
    let from = usize::from(package.starts_with('@'));
    package[from..]
        .find('@')
        .map_or(package, |at| &package[..from + at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_known_by_its_name() {
        for (package, name) in [
            ("cowsay", "cowsay"),
            ("cowsay@1.6", "cowsay"),
            ("@scope/tool", "@scope/tool"),
            ("@scope/tool@^2", "@scope/tool"),
        ] {
            assert_eq!(package_name(package), name);
        }
    }
}

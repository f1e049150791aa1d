//! Packages of Python's.

use std::fs;
use std::path::{Path, PathBuf};

use super::run::{found, run, tool};
use super::turn::wait_for_turn;
use crate::digest;
use crate::{BinaryProvider, Found, Request, RunError, Runner, Unsuccessful, is_program};

/// Installs packages into an environment of their own below `<data>/lib/pip`, with uv where there
/// is one, else with Python's venv and pip.
pub(crate) struct Pip;

impl BinaryProvider for Pip {
    fn name(&self) -> &str {
        "pip"
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let environment = environment(request);
        let with = match request.place.on_path("uv") {
            Some(uv) => With::Uv(uv),
            None => With::Python(python(request)?),
        };
        // Beside it: what is made anew is emptied.
        let lock = environment.with_added_extension("lock");
        let _ours = wait_for_turn(self.name(), &lock, runner)?;
        let python = environment.join("bin/python");
        if !is_program(&python) || !with.has_made(&environment) {
            let order = match &with {
                With::Uv(uv) => {
                    request
                        .order(self.name(), uv)
                        .args(["venv", "--quiet", "--allow-existing"])
                }
                With::Python(system) => {
                    let order = request.order(self.name(), system);
                    order.args(["-m", "venv", "--clear"])
                }
            };
            run(order.args([&environment]), runner)?;
            with.tell_made(&environment)?;
        }
        let order = match &with {
            With::Uv(uv) => {
                let order = request.order(self.name(), uv);
                order
                    .args(["pip", "install", "--quiet", "--python"])
                    .args([&python])
            }
            With::Python(_) => request.order(self.name(), &python).args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-input",
                "--disable-pip-version-check",
            ]),
        };
        let upgrade = request.binary.min_version.as_ref().map(|_| "--upgrade");
        let order = order.args(upgrade).args(request.packages(self.name()));
        run(order, runner)?;
        found(request, self.name(), &[environment.join("bin")])
    }

    /// Of the first package; it has no program of its own that could be asked.
    fn version(
        &self,
        request: &Request<'_>,
        _: &Path,
        runner: &dyn Runner,
    ) -> Result<Option<String>, RunError> {
        let packages = request.packages(self.name());
        let package = packages.iter().find(|it| !it.starts_with('-'));
        let Some(package) = package.map(|it| project(it)) else {
            return Ok(None);
        };
        let ask = "import importlib.metadata, sys; \
                   print(importlib.metadata.version(sys.argv[1]))";
        let python = environment(request).join("bin/python");
        let order = request.order(self.name(), &python);
        let process = runner.run(order.args(["-c", ask, package]))?;
        let version = process.stdout.trim();
        Ok((process.exit_code == Some(0) && !version.is_empty()).then(|| version.to_owned()))
    }
}

enum With {
    Uv(PathBuf),
    Python(PathBuf),
}

impl With {
    /// What is in a file of the environments that are whole. Python comes first into one, and pip
    /// seconds later: an environment that was not finished has the one and never gets the other.
    fn mark(&self) -> &'static str {
        match self {
            Self::Uv(_) => "uv",
            Self::Python(_) => "venv",
        }
    }

    /// Whether an environment was finished, and has what this needs: those of uv have no pip.
    fn has_made(&self, environment: &Path) -> bool {
        let mark = fs::read_to_string(environment.join(MADE_BY)).unwrap_or_default();
        mark == "venv" || mark == self.mark()
    }

    fn tell_made(&self, environment: &Path) -> Result<(), Unsuccessful> {
        let path = environment.join(MADE_BY);
        fs::write(&path, self.mark()).map_err(|error| {
            Unsuccessful::failed(format!("cannot write {}: {error}", path.display()))
        })
    }
}

/// Says in an environment who has finished it.
const MADE_BY: &str = ".made-by";

fn python(request: &Request<'_>) -> Result<PathBuf, Unsuccessful> {
    tool(request, "python3").map_err(|_| Unsuccessful::skipped("neither uv nor python3 is on PATH"))
}

/// An environment for each set of packages, so that none breaks another's.
fn environment(request: &Request<'_>) -> PathBuf {
    let set = request.packages("pip").join(" ");
    let directory = format!("{}-{}", request.name(), digest::short(&set));
    request.place.lib().join("pip").join(directory)
}

/// The name of a package without what is said of its version and extras.
fn project(package: &str) -> &str {
    let end = package.find(|it: char| !it.is_ascii_alphanumeric() && !"._-".contains(it));
    &package[..end.unwrap_or(package.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_known_by_its_name() {
        for package in ["yt-dlp", "yt-dlp[default]>=2024.1", "yt-dlp==1", "yt-dlp@x"] {
            assert_eq!(project(package), "yt-dlp");
        }
    }
}

//! Packages of Debian's.

use std::path::{Path, PathBuf};

use super::run::{failure, found, run, tool};
use crate::{BinaryProvider, Found, Order, Request, RunError, Runner, Unsuccessful};

/// Installs packages of the system, when we are root or sudo asks for no password.
pub(crate) struct Apt;

/// Where packages put programs, beside `PATH`.
const DIRECTORIES: [&str; 6] = [
    "/usr/bin",
    "/usr/sbin",
    "/bin",
    "/sbin",
    "/usr/games",
    "/usr/local/bin",
];

/// How long apt waits for others who install, in seconds: about as long as it may run at all.
const WAIT_FOR_LOCK: &str = "DPkg::Lock::Timeout=500";

impl BinaryProvider for Apt {
    fn name(&self) -> &str {
        "apt"
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let apt = tool(request, "apt-get")?;
        let sudo = self.sudo(request, runner)?;
        let apt_get = |arguments: &[&str]| {
            let order = match &sudo {
                Some(sudo) => request
                    .order(self.name(), sudo)
                    .args(["-n", "--", "env", "DEBIAN_FRONTEND=noninteractive"])
                    .args([&apt]),
                None => request.order(self.name(), &apt),
            };
            let order = order.variable("DEBIAN_FRONTEND", "noninteractive");
            order.args(["-o", WAIT_FOR_LOCK]).args(arguments)
        };
        let install = || -> Order {
            apt_get(&["install", "-y", "--no-install-recommends"])
                .args(request.packages(self.name()))
        };
        let first = runner.run(install())?;
        if let Some(reason) = failure(&first, &apt) {
            // A fresh system has no lists of packages, or old ones.
            if !first.stderr.contains("Unable to locate package")
                && !first.stderr.contains("404")
                && !first.stderr.contains("no installation candidate")
            {
                return Err(Unsuccessful::failed(reason));
            }
            run(apt_get(&["update"]), runner)?;
            run(install(), runner)?;
        }
        let mut places: Vec<PathBuf> = std::env::split_paths(&request.place.search_path)
            .filter(|path| path.is_absolute() && *path != request.place.lib_bin())
            .collect();
        places.extend(DIRECTORIES.map(PathBuf::from));
        found(request, self.name(), &places)
    }

    /// Of the first package.
    fn version(
        &self,
        request: &Request<'_>,
        _: &Path,
        runner: &dyn Runner,
    ) -> Result<Option<String>, RunError> {
        let packages = request.packages(self.name());
        let package = packages.iter().find(|it| !it.starts_with('-'));
        let (Some(package), Some(query)) = (package, request.place.on_path("dpkg-query")) else {
            return Ok(None);
        };
        let package = package.split('=').next().unwrap_or(package);
        let order = request.order(self.name(), &query);
        let order = order.args(["--show", "--showformat=${Version}", package]);
        let process = runner.run(order)?;
        let version = process.stdout.trim();
        Ok((process.exit_code == Some(0) && !version.is_empty()).then(|| version.to_owned()))
    }
}

impl Apt {
    /// What makes us root, when we are not.
    fn sudo(
        &self,
        request: &Request<'_>,
        runner: &dyn Runner,
    ) -> Result<Option<PathBuf>, Unsuccessful> {
        if request.place.is_root {
            return Ok(None);
        }
        let no_root = |why: &str| Unsuccessful::skipped(format!("we are not root, and {why}"));
        let sudo = request.place.on_path("sudo");
        let sudo = sudo.ok_or_else(|| no_root("sudo is not on PATH"))?;
        let order = request.order(self.name(), &sudo).args(["-n", "true"]);
        match failure(&runner.run(order)?, &sudo) {
            None => Ok(Some(sudo)),
            Some(_) => Err(no_root("sudo asks for a password")),
        }
    }
}

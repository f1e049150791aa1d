//! One provider's attempt at a request.

use std::path::{Path, PathBuf};

use hostledger_model::{InstalledFile, binary_limits};

use crate::providers::{Bash, Env, run_command};
use crate::{
    BinaryProvider, Digests, Found, Install, Request, Runner, Unsuccessful, ask_version,
    compare_versions, is_program,
};

/// Has a provider find or install a program, and says what it came up with: it exists, can be
/// executed, has a version, and that is not older than what the request asks for.
///
/// # Errors
/// Why there is no such program; see [`Unsuccessful`].
pub fn attempt(
    provider: &dyn BinaryProvider,
    request: &Request<'_>,
    runner: &dyn Runner,
    digests: &Digests,
) -> Result<InstalledFile, Unsuccessful> {
    let overrides = request.overrides(provider.name());
    let says_how = overrides.install.is_some() || !overrides.packages.is_empty();
    if request.binary.name.contains('/') && provider.name() != Env::NAME && !says_how {
        return Err(Unsuccessful::skipped(format!(
            "a path is asked for, and no package is named for {}",
            provider.name()
        )));
    }
    let mut found = match (&overrides.install, provider.name()) {
        // A line of its own is what this one is for.
        (None, _) | (Some(Install::Line(_)), Bash::NAME) => provider.install(request, runner)?,
        (Some(install), _) => {
            run_command(provider, request, &install.words(), runner)?;
            let path = overrides.abspath.map(PathBuf::from);
            let path = path.or_else(|| request.place.on_path(request.name()));
            path.map(Found::at).ok_or_else(|| {
                let name = request.name();
                Unsuccessful::failed(format!(
                    "it was installed as the request says, and there is no program {name} on PATH"
                ))
            })?
        }
    };
    if let Some(version) = overrides.version {
        found.version = Some(version);
    }
    describe(provider, request, found, runner, digests)
}

fn describe(
    provider: &dyn BinaryProvider,
    request: &Request<'_>,
    found: Found,
    runner: &dyn Runner,
    digests: &Digests,
) -> Result<InstalledFile, Unsuccessful> {
    let path = &found.abspath;
    let shown = path.display();
    if !path.is_absolute() || !is_program(path) {
        return Err(Unsuccessful::failed(format!(
            "{shown} is no program that can be executed"
        )));
    }
    let Some(abspath) = path.to_str() else {
        return Err(Unsuccessful::failed(format!("the path {shown} is no text")));
    };
    binary_limits::ABSPATH
        .check(abspath)
        .map_err(|error| Unsuccessful::failed(error.to_string()))?;
    let version = match found.version {
        Some(version) => version,
        None => learn_version(provider, request, path, runner)?,
    };
    if let Some(least) = &request.binary.min_version
        && compare_versions(&version, least).is_lt()
    {
        return Err(Unsuccessful::failed(format!(
            "{shown} is version {version}, and at least {least} is asked for"
        )));
    }
    let sum = digests.sha256(path);
    let sha256 = sum.map_err(|error| {
        Unsuccessful::failed(format!("the content of {shown} cannot be read: {error}"))
    })?;
    if let Some(said) = &found.sha256
        && !said.eq_ignore_ascii_case(&sha256)
    {
        return Err(Unsuccessful::failed(format!(
            "{shown} has the sha256 {sha256}, and {} says that it has {said}",
            provider.name()
        )));
    }
    Ok(InstalledFile {
        abspath: abspath.to_owned(),
        version: binary_limits::VERSION.cut(version),
        sha256: Some(sha256),
        binprovider: Some(
            found
                .binprovider
                .unwrap_or_else(|| provider.name().to_owned()),
        ),
    })
}

fn learn_version(
    provider: &dyn BinaryProvider,
    request: &Request<'_>,
    path: &Path,
    runner: &dyn Runner,
) -> Result<String, Unsuccessful> {
    if let Some(version) = ask_version(request, provider.name(), path, runner)? {
        return Ok(version);
    }
    provider.version(request, path, runner)?.ok_or_else(|| {
        Unsuccessful::failed(format!(
            "{} is there, but nobody can tell its version",
            path.display()
        ))
    })
}

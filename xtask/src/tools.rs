//! The cargo tools that CI needs, at the versions it needs.
//!
//! They live in `target/tools`, so that nobody's own ~/.cargo changes. They are built without
//! optimisation: on two cores that takes five minutes in all, and each then runs for seconds.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::program::Program;
use crate::workspace::Workspace;

/// A cargo subcommand from crates.io, pinned.
pub(crate) struct Tool {
    /// The crate, which is also the name of its program.
    name: &'static str,
    /// The one version that will do.
    version: &'static str,
    /// What it must be asked to say its version.
    ask_version: &'static str,
    /// How it is to be built.
    features: &'static str,
}

/// Runs tests, each in a process of its own.
pub(crate) const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    version: "0.9.143",
    ask_version: "nextest --version",
    // Without the part that downloads new versions of itself.
    features: "--no-default-features --features default-no-update",
};

/// Judges licences, bans and sources.
pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    ask_version: "--version",
    features: "",
};

/// Finds dependencies that no source file names.
pub(crate) const MACHETE: Tool = Tool {
    name: "cargo-machete",
    version: "0.9.2",
    // It drops its first argument, as if cargo had always passed one, and panics without.
    ask_version: "machete --version",
    features: "",
};

/// `cargo xtask tools`: fetches every tool that is missing.
///
/// # Errors
/// A tool that cannot be built, or crates.io out of reach.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    for tool in [&NEXTEST, &DENY, &MACHETE] {
        let path = path(workspace, tool)?;
        eprintln!("    {} {}: {}", tool.name, tool.version, path.display());
    }
    Ok(())
}

/// The path of a tool, which is fetched first if neither `target/tools` nor PATH has the pinned
/// version.
///
/// # Errors
/// As [`run`].
pub(crate) fn path(workspace: &Workspace, tool: &Tool) -> Result<PathBuf> {
    let ours = workspace.target.join("tools/bin").into_std_path_buf();
    let search = env::var_os("PATH").unwrap_or_default();
    let found = std::iter::once(ours.clone())
        .chain(env::split_paths(&search))
        .map(|directory| directory.join(tool.name))
        .find(|path| path.is_file() && is_pinned(workspace, tool, path));
    match found {
        Some(path) => Ok(path),
        None => {
            install(workspace, tool)?;
            Ok(ours.join(tool.name))
        }
    }
}

/// Whether the program at `path` says that it is the version we want. One that does not start, as
/// after an upgrade of the system, is as good as missing.
fn is_pinned(workspace: &Workspace, tool: &Tool, path: &std::path::Path) -> bool {
    Program::new(workspace, path)
        .args(tool.ask_version)
        .output()
        .is_ok_and(|said| says_version(&String::from_utf8_lossy(&said), tool.version))
}

fn says_version(said: &str, version: &str) -> bool {
    said.split_whitespace().any(|word| word == version)
}

fn install(workspace: &Workspace, tool: &Tool) -> Result<()> {
    let root = workspace.target.join("tools");
    eprintln!(
        "    {} {} is not here; building it takes minutes",
        tool.name, tool.version
    );
    // Named, because the default is in /tmp, which may be small; removed, because it is large.
    let build = root.join("build");
    Program::cargo(workspace)
        .args("install --locked --force --quiet --debug")
        .args(tool.features)
        .arg("--root")
        .arg(&root)
        .arg("--target-dir")
        .arg(&build)
        .arg(format!("{}@{}", tool.name, tool.version))
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .run()?;
    std::fs::remove_dir_all(&build).with_context(|| format!("{build} cannot be removed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_known_by_the_version_it_states() {
        let said = "cargo-nextest 0.9.143 (60fa45f63 2026-08-04)\nrelease: 0.9.143\n";
        assert!(says_version(said, "0.9.143"));
        assert!(!says_version(said, "0.9.14"));
        assert!(says_version("0.9.2\n", "0.9.2"));
        assert!(!says_version("cargo-deny 0.20.1\n", "0.20.2"));
    }
}

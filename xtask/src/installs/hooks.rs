//! The installers of ArchiveBox's plugins, as they come from PyPI: they install through us what
//! they install through their own host.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::case::{Case, case};
use super::check::Ground;
use crate::program::Program;
use crate::workspace::Workspace;

/// The newest that has installers, and what it needs.
const PACKAGES: [&str; 2] = ["abx-plugins==1.11.86", "jambo<0.2"];

/// What they are to install, by hooks alone.
pub(super) const CASES: &[Case] = &[
    Case {
        tool: "wget",
        ..case("wget", "env", "env")
    },
    Case {
        tool: "python3",
        ..case("black", "env,pip", "pip")
    },
    case("cowsay", "npm", "npm"),
    Case {
        tool: "apt-get",
        root: true,
        ..case("tree", "apt", "apt")
    },
];

const NO_BREW: &str = "--plugin brew --arg name=wget";

/// How hooks end: what is asked of which, and the verdict.
const ENDS: [(&str, &str); 4] = [
    ("--plugin env", "usage"),
    ("--plugin env --arg name=no-such-program", "failed"),
    ("--plugin env --arg name=git", "succeeded"),
    // Where there is a brew, it would try.
    (NO_BREW, "skipped"),
];

/// A directory of plugins, and the Python they are interpreted by.
#[derive(Debug, Clone)]
pub(super) struct Plugins {
    pub(super) directory: PathBuf,
    pub(super) python: PathBuf,
}

/// Fetches them into a virtual environment in the target directory.
///
/// # Errors
/// There is no Python for it, or the registry is out of reach.
pub(super) fn fetch(workspace: &Workspace) -> Result<Plugins> {
    let environment = workspace.target.join("test-installs/abx-plugins");
    Program::new(workspace, "python3")
        .args("-m venv --clear")
        .arg(&environment)
        .output()
        .context("no virtual environment can be made")?;
    let python = environment.join("bin/python").into_std_path_buf();
    Program::new(workspace, &python)
        .args("-m pip install --quiet --disable-pip-version-check")
        .words(PACKAGES)
        .output()
        .context("the registry is out of reach, or has other packages")?;
    let asked = Program::new(workspace, &python)
        .arg("-c")
        .arg("import abx_plugins; print(abx_plugins.get_plugins_dir())")
        .output()?;
    let directory = PathBuf::from(String::from_utf8_lossy(&asked).trim());
    Ok(Plugins { directory, python })
}

/// Whether skips, failures and wrong calls are told apart; what is not.
///
/// # Errors
/// hostledger cannot be run.
pub(super) fn ends(workspace: &Workspace, ground: &Ground<'_>) -> Result<()> {
    for (arguments, expected) in ENDS {
        let brew = || Program::new(workspace, "brew").arg("--version").ended();
        if arguments == NO_BREW && brew().is_ok() {
            eprintln!("    SKIPPED: a hook without anything to do: there is a brew");
            continue;
        }
        let row = ground.run_hooks(arguments)?;
        ensure!(
            row["verdict"] == expected,
            "hook run BinaryRequest {arguments}: not {expected}: {row}"
        );
        let has_record = row["records"].as_u64() > Some(0);
        ensure!(
            has_record == (expected == "succeeded"),
            "hook run BinaryRequest {arguments}: {} records",
            row.get("records").unwrap_or(&Value::Null)
        );
    }
    Ok(())
}

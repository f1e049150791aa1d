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

/// Packages of which one is not there on most hosts. Their programs say a version of three numbers:
/// the hook takes a package back whose program says one of two, such as hello.
const FRESH: [&str; 3] = ["pv", "dos2unix", "ncdu"];

/// Has the hook of apt install a package that is not there yet, and takes it away again: elsewhere
/// it may find what is there.
///
/// # Errors
/// It is not as it should be.
pub(super) fn fresh_apt(workspace: &Workspace, ground: &Ground<'_>) -> Result<()> {
    let is_there = |package: &&str| {
        let query = Program::new(workspace, "dpkg-query")
            .args("--show")
            .arg(package);
        query.ended().is_ok_and(|output| output.status.success())
    };
    if !rustix::process::geteuid().is_root() {
        eprintln!("    SKIPPED: a package that is not there yet, by apt: we are not root");
        return Ok(());
    }
    let Some(package) = FRESH.into_iter().find(|it| !is_there(it)) else {
        eprintln!("    SKIPPED: a package that is not there yet, by apt: all of {FRESH:?} are");
        return Ok(());
    };
    let checked = ground.check(&case(package, "apt", "apt"));
    Program::new(workspace, "apt-get")
        .args("purge -y -q")
        .arg(package)
        .output()
        .with_context(|| format!("{package} stays"))?;
    let version = checked?;
    eprintln!("    {package} {version} by apt, which was not there before and is not any more");
    Ok(())
}

/// So many records a hook prints at once.
const RECORDS: usize = 100_000;

/// Whether a hook that prints very many records has all of them told.
///
/// # Errors
/// Some are missing.
pub(super) fn many_records(workspace: &Workspace, ground: &Ground<'_>) -> Result<()> {
    let plugins = workspace.target.join("test-installs/many/printer");
    std::fs::create_dir_all(&plugins)?;
    let script = format!(
        "i=0; while [ $i -lt {RECORDS} ]; do i=$((i+1)); echo '{{\"type\":\"Told\",\"n\":'$i'}}'; done"
    );
    std::fs::write(plugins.join("on_Many__10_print.sh"), script)?;
    let begun = std::time::Instant::now();
    let row = ground.run_event(
        "Many",
        plugins.parent().context("a directory")?.as_std_path(),
    )?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(
        row["records"] == RECORDS,
        "{RECORDS} records: {}",
        row["records"]
    );
    eprintln!("    {RECORDS} records of one hook in {seconds:.1} s");
    Ok(())
}

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
    eprintln!("    skips, failures and wrong calls of hooks are told apart");
    Ok(())
}

//! `cargo xtask package`: every crate that gets published builds from its package alone, so that
//! nothing it needs lies outside of it.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::program::Program;
use crate::workspace::Workspace;

/// Packages what is published and builds each package, in a target directory of its own.
///
/// For cargo a published version never changes: it takes what it has unpacked and built of a
/// package of ours for up to date whatever is in the package now. So what is ours goes first; what
/// others have written stays, and is built once.
///
/// # Errors
/// A package that does not build, or git cannot be asked, or an old package not be removed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let target = workspace.target.join("package-build");
    let mut clean = Program::cargo(workspace).args("clean --quiet");
    let mut package = Program::cargo(workspace).args("package --workspace");
    for ours in &workspace.packages {
        let name = ours.name.as_str();
        clean = clean.arg("--package").arg(name);
        if ours.publish.as_ref().is_some_and(Vec::is_empty) {
            package = package.arg("--exclude").arg(name);
        }
    }
    if is_dirty(workspace)? {
        eprintln!("    the work tree has changes that are not committed: they are packaged too");
        package = package.arg("--allow-dirty");
    }
    clean.env("CARGO_TARGET_DIR", &target).run()?;
    remove_unpacked(workspace)?;
    package
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .run()
}

/// Removes what cargo has unpacked of our packages, so that they can depend on one another before
/// they are published. It does so in its own home, in a directory of the registry that they are in
/// meanwhile; as that is a directory too and no host, the name of it is empty.
fn remove_unpacked(workspace: &Workspace) -> Result<()> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let Some(home) = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))) else {
        return Ok(());
    };
    let Ok(registries) = home.join("registry/src").read_dir() else {
        return Ok(());
    };
    for registry in registries {
        let registry = registry?;
        if !registry.file_name().as_bytes().starts_with(b"-") {
            continue;
        }
        for ours in &workspace.packages {
            let unpacked = format!("{}-{}", ours.name, ours.version);
            let unpacked = registry.path().join(unpacked);
            if unpacked.exists() {
                fs::remove_dir_all(&unpacked)
                    .with_context(|| format!("cannot remove {}", unpacked.display()))?;
            }
        }
    }
    Ok(())
}

fn is_dirty(workspace: &Workspace) -> Result<bool> {
    let changes = Program::new(workspace, "git")
        .args("status --porcelain")
        .output()?;
    Ok(!changes.is_empty())
}

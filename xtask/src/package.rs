//! `cargo xtask package`: every crate that gets published builds from its package alone, so that
//! nothing it needs lies outside of it.

use anyhow::Result;

use crate::program::Program;
use crate::workspace::Workspace;

/// Packages what is published and builds each package, in a target directory of its own.
///
/// For cargo a published version never changes: it takes what it has built of a package of ours
/// for up to date whatever is in the package now. So what is ours goes first; what others have
/// written stays, and is built once.
///
/// # Errors
/// A package that does not build, or git cannot be asked.
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
    package
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .run()
}

fn is_dirty(workspace: &Workspace) -> Result<bool> {
    let changes = Program::new(workspace, "git")
        .args("status --porcelain")
        .output()?;
    Ok(!changes.is_empty())
}

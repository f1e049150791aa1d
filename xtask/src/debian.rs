//! Programs of Debian that are not part of every system.

use std::env;
use std::path::PathBuf;

use anyhow::Result;

use crate::program::Program;
use crate::workspace::Workspace;

/// Where a program is, by PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&path).map(|directory| directory.join(program));
    places.find(|place| place.is_file())
}

/// Where a program is missing, root gets its package.
///
/// # Errors
/// It is not Debian, we are not root, or its servers are out of reach.
pub(crate) fn install(workspace: &Workspace, program: &str, package: &str) -> Result<()> {
    if find(program).is_some() {
        return Ok(());
    }
    let apt = |arguments: &str| {
        Program::new(workspace, "apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
    };
    apt("update -qq")?;
    apt(&format!("install -qq -y --no-install-recommends {package}"))
}

//! Where things are, as cargo sees them.

use anyhow::{Context, Result};
use cargo_metadata::camino::Utf8PathBuf;
use cargo_metadata::{MetadataCommand, Package};

/// The cargo workspace that the current directory belongs to.
pub(crate) struct Workspace {
    /// The directory of the root Cargo.toml.
    pub(crate) root: Utf8PathBuf,
    /// Where cargo builds, wherever the user has put that.
    pub(crate) target: Utf8PathBuf,
    /// Our own packages.
    pub(crate) packages: Vec<Package>,
}

impl Workspace {
    /// Asks cargo. The packages we depend on are not looked at, so no network is needed.
    ///
    /// # Errors
    /// Outside a workspace, or a manifest that cargo refuses.
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .context("cargo cannot read the workspace")?;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            packages: metadata.packages,
        })
    }
}

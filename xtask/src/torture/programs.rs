//! The programs that are driven: ours, built from this work tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result};

use crate::built::build;
use crate::extent::Extent;
use crate::workspace::Workspace;

/// Where they are: in a directory of their own, as somebody may build again while a long proof
/// runs. It goes when this is dropped.
pub(crate) struct Programs {
    /// The command line.
    pub(crate) hostledger: PathBuf,
    /// What makes processes that are hard to find.
    pub(crate) offspring: PathBuf,
    /// A program that links the library and launches what it reads.
    pub(crate) launch_many: PathBuf,
    /// None when they are somebody else's.
    directory: Option<PathBuf>,
}

impl Programs {
    /// Builds them.
    ///
    /// # Errors
    /// One does not build, or cannot be linked to.
    pub(crate) fn build(workspace: &Workspace, extent: Extent) -> Result<Self> {
        let build = |what, name| build(workspace, extent, what, name);
        let hostledger = build("--package hostledger-cli", "hostledger")?;
        let offspring = build("--package hostledger-tests --bin offspring", "offspring")?;
        let launch_many = build("--package hostledger --example launch_many", "launch_many")?;
        let directory = format!("torture-{}", process::id());
        let directory = workspace.target.join(directory).into_std_path_buf();
        fs::create_dir(&directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
        Ok(Self {
            hostledger: keep(&hostledger, &directory)?,
            offspring: keep(&offspring, &directory)?,
            launch_many: keep(&launch_many, &directory)?,
            directory: Some(directory),
        })
    }

    /// Those that somebody else has built.
    pub(super) fn given([hostledger, offspring, launch_many]: [PathBuf; 3]) -> Self {
        Self {
            hostledger,
            offspring,
            launch_many,
            directory: None,
        }
    }
}

/// A further name for the file as it is now.
fn keep(program: &Path, directory: &Path) -> Result<PathBuf> {
    let name = program.file_name().context("a program has a name")?;
    let kept = directory.join(name);
    fs::hard_link(program, &kept).with_context(|| format!("{} cannot be made", kept.display()))?;
    Ok(kept)
}

impl Drop for Programs {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory
            && let Err(error) = fs::remove_dir_all(directory)
        {
            eprintln!("    {} stays: {error}", directory.display());
        }
    }
}
